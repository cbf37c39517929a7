//! Properties that hold for every request.
