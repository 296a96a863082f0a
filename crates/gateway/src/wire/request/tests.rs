//! Claims, as tests.
