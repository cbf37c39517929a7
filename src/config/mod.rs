//! What an operator writes, compiled to a validated form.
