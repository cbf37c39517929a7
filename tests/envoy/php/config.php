<?php
// SimpleSAMLphp as an identity provider at https://idp.test/. PROVIDER_PLACE is where this run keeps its files;
// service.xml in it is all that is known of the service provider.

$place = getenv('PROVIDER_PLACE');

$config = [
    'baseurlpath' => 'https://idp.test/',
    'certdir' => "$place/",
    'loggingdir' => "$place/",
    'datadir' => "$place/",
    'tempdir' => "$place/tmp",
    'metadatadir' => __DIR__ . '/metadata/',
    'metadata.sources' => [
        ['type' => 'flatfile'],
        ['type' => 'xml', 'file' => "$place/service.xml"],
    ],
    'timezone' => 'UTC',
    'secretsalt' => 'of no worth',
    'auth.adminpassword' => 'of no worth',
    'technicalcontact_email' => 'na@example.org',
    'admin.protectmetadata' => false,
    'logging.handler' => 'file',
    'logging.logfile' => 'provider.log',
    'logging.level' => SimpleSAML\Logger::DEBUG,
    'debug' => ['saml' => false, 'backtraces' => true, 'validatexml' => true],
    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],
    'store.type' => 'phpsession',
    'session.phpsession.savepath' => "$place/tmp",
    'session.cookie.secure' => false,
    'language.default' => 'en',
    'language.available' => ['en'],
    'production' => true,
];
