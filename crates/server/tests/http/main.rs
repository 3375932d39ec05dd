//! The server as its clients meet it: requests go through the whole router,
//! the desk behind it answers from a script.

#![forbid(unsafe_code)]

mod access;
mod admission;
mod answers;
mod chat;
mod cors;
mod counting;
mod decoding;
mod docs;
mod faults;
mod gate;
mod held;
mod leaving;
mod limits;
mod metrics;
mod models;
mod openapi;
mod page;
mod pictures;
mod records;
mod responses;
mod rounds;
mod socket;
mod stage;
mod status;
mod traces;
mod width;
