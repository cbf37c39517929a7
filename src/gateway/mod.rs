//! One HTTP exchange as a state machine without I/O.
