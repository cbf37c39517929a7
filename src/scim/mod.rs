//! Provisioning: what Entra sends becomes strict RFC 7644, and what the application answers becomes what Entra expects.
