//! The catalogue of attacks on SAML service providers, row by row, over the cases of the corpus.
//!
//! Numbers in names are those of the catalogue. Each case is made so that a service provider with exactly that flaw
//! accepts it; each is refused here, by the rule that is meant to refuse it.

use super::corpus_test::{Case, Relaxed};

/// Each case, and the code with which it is refused.
fn refused(rows: &[(&str, &str)]) {
    let cases = Case::all();
    if cases.is_empty() {
        return;
    }
    for (id, code) in rows {
        let case = cases.iter().find(|case| case.text("id") == *id);
        let outcome = case.unwrap_or_else(|| panic!("no case {id}")).run(Relaxed::Nothing);
        let found = outcome.map(|_| "accepted").unwrap_or_else(|rejection| rejection.code());
        assert_eq!(found, *code, "{id}");
    }
}

/// Each case, which looks odd and is right.
fn accepted(cases: &[&str]) {
    let all = Case::all();
    for id in cases.iter().filter(|_| !all.is_empty()) {
        let case = all.iter().find(|case| case.text("id") == *id);
        let outcome = case.unwrap_or_else(|| panic!("no case {id}")).run(Relaxed::Nothing);
        assert_eq!(outcome.map(|_| "").map_err(|rejection| rejection.code()), Ok(""), "{id}");
    }
}

/// What a rule must not refuse along with an attack; the values are compared where the whole corpus runs.
#[test]
fn rows_2_12_to_5_14_what_is_odd_and_right_is_accepted() {
    accepted(&[
        "syn-c14n-with-comments",
        "syn-rollover-second-cert",
        "syn-bom",
        "syn-xml-decl",
        "syn-crlf-lineends",
        "syn-assertion-signed-b64-crlf76",
        "syn-comment-in-nameid-signed",
        "syn-comment-in-attribute-after-signing",
        "syn-groups-overage",
    ]);
}

/// XSW 1 to 8 (Somorovsky 2012).
#[test]
fn row_1_1_to_1_8_signature_wrapping_refused() {
    refused(&[
        ("syn-xsw1", "nested_assertion"),
        ("crewjam-xsw1", "nested_assertion"),
        ("syn-xsw2", "nested_assertion"),
        ("crewjam-xsw2", "nested_assertion"),
        ("syn-xsw3", "assertion_count"),
        ("crewjam-xsw3", "assertion_count"),
        ("syn-xsw4", "nested_assertion"),
        ("crewjam-xsw4", "nested_assertion"),
        ("syn-xsw5", "assertion_count"),
        ("crewjam-xsw5", "assertion_count"),
        ("syn-xsw6", "nested_assertion"),
        ("crewjam-xsw6", "nested_assertion"),
        ("syn-xsw7", "nested_assertion"),
        ("crewjam-xsw7", "nested_assertion"),
        ("syn-xsw8", "unexpected_element"),
        ("crewjam-xsw8", "duplicate_id"),
        ("python3-saml-invalid-signature_wrapping_attack", "duplicate_id"),
        ("python3-saml-invalid-signature_wrapping_attack2", "nested_assertion"),
        ("xml-crypto-valid_saml_signature_wrapping", "nested_assertion"),
    ]);
}

#[test]
fn row_1_8_1_9_an_evil_assertion_beside_the_signed_one_refused() {
    refused(&[
        ("syn-two-assertions-first-signed", "assertion_count"),
        ("syn-two-assertions-second-signed", "assertion_count"),
        ("syn-xsw9-evil-after", "assertion_count"),
        ("crewjam-xsw9", "nested_assertion"),
        ("syn-xsw10-advice", "nested_assertion"),
    ]);
}

#[test]
fn row_1_10_1_11_an_evil_assertion_inside_a_valid_signature_refused() {
    refused(&[
        ("syn-xsw11-evil-in-signed-keyinfo", "nested_assertion"),
        ("syn-xsw12-evil-in-ds-object", "unexpected_element"),
        ("samael-object_attack_response", "unexpected_element"),
    ]);
}

#[test]
fn row_1_13_1_14_a_signature_moved_or_nested_refused() {
    refused(&[
        ("syn-xsw14-response-sig-moved-into-assertion", "signature_reference"),
        ("samael-ancestor_attack_signed", "version"),
    ]);
}

/// CVE-2024-45409.
#[test]
fn row_1_15_a_digest_value_found_elsewhere_refused() {
    refused(&[("syn-xsw15-digestvalue-in-extensions", "signature_digest")]);
}

/// CVE-2022-39299, CVE-2025-47949.
#[test]
fn row_1_16_several_responses_or_roots_refused() {
    refused(&[
        ("syn-two-responses", "xml_root"),
        ("syn-trailing-content", "xml_root"),
        ("samlify-attack-prefix-junk", "xml_root"),
        ("samael-multi_saml_response_signed", "signature_base64"),
    ]);
}

/// CVE-2026-25922, CVE-2026-33487.
#[test]
fn row_1_17_to_1_19_several_signatures_places_or_references_refused() {
    refused(&[
        ("syn-two-signatures-in-assertion", "signature_several"),
        ("syn-signature-under-subject", "misplaced_signature"),
        ("syn-signature-detached-child-of-response", "signature_reference"),
        ("syn-signature-in-wrong-place-valid", "signature_position"),
        ("syn-two-references", "signature_reference"),
    ]);
}

#[test]
fn row_1_20_1_21_duplicate_and_foreign_identifiers_refused() {
    refused(&[
        ("syn-duplicate-id-attr", "duplicate_id"),
        ("syn-id-other-namespace", "duplicate_id"),
        ("syn-xml-id", "duplicate_id"),
    ]);
}

/// CVE-2018-7644.
#[test]
fn row_2_1_no_signature_or_an_empty_one_refused() {
    refused(&[
        ("syn-unsigned", "unsigned"),
        ("syn-signature-empty-element", "signature_structure"),
        ("syn-signature-zero-references-validly-signed", "signature_reference"),
        ("xml-crypto-invalid_saml_no_signed_info", "signature_structure"),
    ]);
}

/// CVE-2025-29774, CVE-2025-29775.
#[test]
fn row_2_2_2_3_several_signed_infos_and_comments_in_digests_refused() {
    refused(&[
        ("syn-two-signedinfo-forged-first", "signature_structure"),
        ("syn-signedinfo-wrapped", "signature_structure"),
        ("syn-digestvalue-comment-smuggle", "signature_structure"),
        ("xml-crypto-valid_saml_with_digest_comment", "signature_structure"),
        ("xml-crypto-saml_multiple_signed_info_nodes", "nested_assertion"),
        ("xml-crypto-saml_wrapped_signed_info_node", "nested_assertion"),
    ]);
}

/// CVE-2025-66568.
#[test]
fn row_2_5_void_canonicalization_refused() {
    refused(&[
        ("syn-void-canonicalization", "signature_digest"),
        ("syn-relative-namespace-uri", "xml_relative_namespace"),
    ]);
}

/// CVE-2020-36563, CVE-2009-0217.
#[test]
fn row_2_6_to_2_10_weak_and_confused_algorithms_refused() {
    refused(&[
        ("syn-both-signed-sha1", "signature_algorithm"),
        ("syn-assertion-sha256-sig-sha1-digest", "signature_digest_algorithm"),
        ("syn-assertion-signed-rsa1024", "signature_key_size"),
        ("syn-sigalg-rsa-md5", "signature_algorithm"),
        ("syn-sigalg-none", "signature_algorithm"),
        ("syn-hmac-cert-pem", "signature_algorithm"),
        ("syn-hmac-empty", "signature_algorithm"),
        ("syn-hmac-outputlength-0", "signature_algorithm"),
    ]);
}

/// CVE-2023-48703.
#[test]
fn row_2_11_a_key_brought_along_refused() {
    refused(&[
        ("syn-attacker-key-keyinfo", "signature_untrusted"),
        ("syn-attacker-key-same-subject-serial", "signature_untrusted"),
    ]);
}

#[test]
fn row_2_12_canonicalizations_outside_the_profile_refused() {
    refused(&[
        ("syn-c14n-with-comments-wrong-digest", "signature_digest"),
        ("syn-assertion-inclusive-c14n10", "signature_canonicalization"),
        ("syn-assertion-c14n11", "signature_canonicalization"),
    ]);
}

#[test]
fn row_2_15_transforms_outside_the_profile_refused() {
    refused(&[
        ("syn-transform-xpath-filter2", "signature_transform"),
        ("syn-transform-xpath", "signature_transform"),
        ("syn-transform-unknown", "signature_transform"),
        ("syn-transform-xslt", "signature_transform"),
        ("syn-transform-c14n-thrice", "signature_transform"),
        ("syn-transform-no-enveloped", "signature_transform"),
        ("samael-xpath_transform", "assertion_count"),
    ]);
}

#[test]
fn row_2_16_references_to_anything_else_refused() {
    refused(&[
        ("syn-ref-empty-uri-assertion", "signature_reference"),
        ("syn-ref-external-http", "signature_reference"),
        ("syn-ref-other-id", "signature_reference"),
        ("syn-id-whitespace", "signature_reference"),
        ("samael-xpointer_attack_signed", "not_a_response"),
    ]);
}

#[test]
fn row_2_17_one_of_two_signatures_broken_refused() {
    refused(&[("syn-both-signed-bad-response-sig", "signature_digest")]);
}

#[test]
fn row_2_tampered_content_and_value_refused() {
    refused(&[
        ("syn-tampered-nameid", "signature_digest"),
        ("syn-tampered-signaturevalue", "signature_untrusted"),
    ]);
}

#[test]
fn row_2_20_2_21_expired_certificates_and_rollover_refused() {
    refused(&[
        ("syn-assertion-signed-expired-cert", "certificate_outside_validity"),
        ("syn-rollover-not-configured", "signature_untrusted"),
    ]);
}

/// CVE-2025-25291.
#[test]
fn row_3_1_3_4_document_types_and_entities_refused() {
    refused(&[
        ("syn-cve-2025-25291-doctype", "xml_doctype"),
        ("syn-doctype-attlist-id", "xml_doctype"),
        ("syn-doctype-entity", "xml_doctype"),
        ("syn-doctype-billion-laughs", "xml_doctype"),
        ("syn-doctype-xxe", "xml_doctype"),
        ("ruby-saml-attackxee", "xml_doctype"),
    ]);
}

/// CVE-2025-25292, CVE-2025-66567.
#[test]
fn row_3_2_namespace_games_refused() {
    refused(&[
        ("syn-cve-2025-25292-ns", "misplaced_signature"),
        ("syn-namespace-redefine-xmlns", "xml_namespace_declaration"),
        ("syn-namespace-undeclare-prefix", "xml_namespace_declaration"),
        ("syn-wrong-namespace-response", "not_a_response"),
        ("syn-prefix-tag-mismatch", "xml_tag_mismatch"),
    ]);
}

#[test]
fn row_3_5_3_6_characters_and_encodings_refused() {
    refused(&[
        ("syn-char-ref-nul", "xml_character"),
        ("syn-raw-control", "xml_character"),
        ("syn-raw-nul", "xml_character"),
        ("syn-invalid-utf8", "xml_encoding"),
        ("syn-encoding-utf7", "xml_encoding"),
        ("syn-encoding-utf16", "xml_encoding"),
    ]);
}

#[test]
fn row_3_7_to_3_11_attributes_text_beside_the_root_and_base64_refused() {
    refused(&[
        ("syn-dup-attribute", "xml_duplicate_attribute"),
        ("syn-leading-text", "xml_root"),
        ("syn-mismatched-tag", "xml_tag_mismatch"),
        ("syn-b64-urlsafe", "base64"),
        ("syn-b64-double-pad", "base64"),
    ]);
}

/// CVE-2017-11427 and its family.
#[test]
fn row_4_2_4_3_comments_and_instructions_in_values_refused() {
    refused(&[
        ("syn-comment-in-issuer-after-signing", "issuer_mismatch"),
        ("syn-pi-injected-after-signing", "xml_processing_instruction"),
    ]);
}

#[test]
fn row_4_5_4_7_duplicate_attributes_and_empty_names_refused() {
    refused(&[
        ("syn-attr-duplicate-name", "duplicate_attribute"),
        ("syn-empty-nameid", "name_id"),
        ("syn-no-nameid", "name_id"),
    ]);
}

#[test]
fn row_5_1_audiences_refused() {
    refused(&[
        ("syn-bad-aud-prefix", "audience_mismatch"),
        ("syn-bad-aud-case", "audience_mismatch"),
        ("syn-no-audience", "audience_missing"),
        ("entra-2023-wrong-audience", "audience_mismatch"),
    ]);
}

#[test]
fn row_5_2_5_3_recipients_and_destinations_refused() {
    refused(&[
        ("syn-bad-recipient-query", "recipient_mismatch"),
        ("syn-scd-no-recipient", "missing"),
        ("syn-dest-other", "destination_mismatch"),
        ("syn-dest-empty", "destination_mismatch"),
        ("syn-dest-missing", "missing"),
        ("entra-2023-wrong-acs", "destination_mismatch"),
    ]);
}

#[test]
fn row_5_4_issuers_refused() {
    refused(&[
        ("syn-bad-issuer-other-tenant", "issuer_mismatch"),
        ("syn-bad-issuer-noslash", "issuer_mismatch"),
        ("syn-response-issuer-other", "issuer_mismatch"),
        ("entra-2023-wrong-tenant", "issuer_mismatch"),
    ]);
}

#[test]
fn row_5_5_5_6_times_refused() {
    refused(&[
        ("syn-time-boundary-nb-1ms", "not_yet_valid"),
        ("syn-bad-bad-time", "time"),
        ("syn-bad-time-no-zone", "time"),
        ("syn-bad-expired", "expired"),
        ("syn-scd-no-noa", "missing"),
        ("entra-2023-early", "not_yet_valid"),
        ("entra-2023-late", "expired"),
    ]);
}

#[test]
fn row_5_7_5_8_methods_and_conditions_refused() {
    refused(&[
        ("syn-bad-method-hok", "confirmation_method"),
        ("syn-bad-method-sv", "confirmation_method"),
        ("syn-condition-unknown", "unknown_condition"),
        ("syn-two-conditions", "unexpected_element"),
        ("syn-no-conditions", "missing"),
    ]);
}

#[test]
fn row_5_9_5_10_status_and_message_type_refused() {
    refused(&[
        ("syn-status-authnfailed", "status"),
        ("syn-status-nopassive", "status"),
        ("syn-status-error-with-signed-assertion", "status"),
        ("syn-bare-assertion", "not_a_response"),
        ("syn-logoutresponse-as-response", "not_a_response"),
    ]);
}

#[test]
fn row_5_11_5_12_session_end_and_version_refused() {
    refused(&[("syn-session-notonorafter-past", "session_expired"), ("syn-bad-version-1.1", "version")]);
}

#[test]
fn row_8_3_to_8_6_requests_of_other_browsers_refused() {
    refused(&[
        ("syn-idp-initiated", "unsolicited"),
        ("syn-other-browser-request", "unknown_request"),
        ("syn-unsolicited-with-irt", "unknown_request"),
        ("syn-response-irt-mismatch", "unknown_request"),
        ("entra-2023-assertion-signed-idp-initiated", "unsolicited"),
    ]);
}

/// CVE-2025-25293, CVE-2025-54572.
#[test]
fn row_8_10_bounds_refused() {
    refused(&[
        ("syn-deep-nesting", "xml_limit"),
        ("syn-many-attributes", "xml_limit"),
        ("syn-big-attribute", "xml_limit"),
    ]);
}

/// Whatever depends on a private key has one code, and nothing has been decrypted where another one is given.
#[test]
fn rows_6_1_to_6_9_of_the_corpus_refused() {
    refused(&[
        ("syn-enc-unsigned-inner-unsigned-response", "decryption"),
        ("syn-enc-attacker-signed-inside", "decryption"),
        ("syn-enc-tampered-gcm", "decryption"),
        ("syn-enc-tampered-cbc", "encryption_cbc"),
        ("syn-enc-tampered-ek", "encryption_cbc"),
        ("syn-enc-rsa15", "encryption_key_algorithm"),
        ("syn-enc-cipherreference", "encryption_structure"),
    ]);
}

/// What an encrypted assertion must not hold; that it is none of these is known to its sender alone.
#[test]
fn row_6_7_what_is_encrypted_must_be_one_assertion_and_nothing_else() {
    refused(&[
        ("syn-enc-doctype-inside", "decryption"),
        ("syn-enc-garbage-inside", "decryption"),
        ("syn-enc-nested", "decryption"),
    ]);
}
