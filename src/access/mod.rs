//! Sessions, policies, identity headers and revocation.
