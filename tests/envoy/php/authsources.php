<?php
// One person, who is always there.

$config = [
    'people' => [
        'exampleauth:StaticSource',
        'mail' => ['ada@n.example'],
        'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress' => ['ada@n.example'],
        'http://schemas.microsoft.com/ws/2008/06/identity/claims/groups' => ['g-1', 'g & "2"'],
    ],
];
