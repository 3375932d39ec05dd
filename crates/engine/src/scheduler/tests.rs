//! The scheduler on its own: what it promises, on scripts made up by chance, and single promises told one by
//! one. A cache that remembers what was written where stands in for the tensors.

mod play;
mod promises;
