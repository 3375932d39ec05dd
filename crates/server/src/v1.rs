//! The interface that programs written for OpenAI's API speak already, under `/v1`.
//!
//! Facts: OpenAI's published reference for chat completions, responses and models. What is offered
//! behaves as documented there; what would change the meaning of a request and is not offered is
//! refused by name; hints are ignored. Nothing is stored between two requests.

pub(crate) mod chat;
mod chat_reply;
mod chat_request;
mod chat_stream;
mod content;
pub(crate) mod count;
mod data_uri;
mod fault;
mod listen;
pub(crate) mod models;
mod question;
mod read;
mod refused;
mod reply;
pub(crate) mod responses;
mod responses_reply;
mod responses_request;
mod responses_stream;
