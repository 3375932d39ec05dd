//! The server as its clients meet it: requests go through the whole router,
//! the desk behind it answers from a script.

#![forbid(unsafe_code)]

mod answers;
mod gate;
mod openapi;
mod page;
mod pictures;
mod socket;
mod stage;
mod status;
