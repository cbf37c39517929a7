<?php
// What a test wants otherwise stands in settings.json.

$place = getenv('PROVIDER_PLACE');

$metadata['https://idp.test/metadata'] = json_decode(file_get_contents("$place/settings.json"), true) + [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.key',
    'certificate' => 'idp.crt',
    'auth' => 'people',
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
    'authproc' => [
        10 => [
            'class' => 'saml:AttributeNameID',
            'attribute' => 'mail',
            'Format' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
        ],
    ],
    'sign.logout' => true,
    'validate.logout' => true,
];
