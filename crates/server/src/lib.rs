//! The desk over HTTP: routes, streams, errors as statuses, the embedded page.
//!
//! It knows the desk and nothing below it. Every route but `/healthz` lies
//! behind one gate ([`hosts`] says who may come in); every response passes one
//! envelope that gives it an id, its security headers and, if it is an error,
//! its words. A route that is added is behind both without a line of its own.

#![forbid(unsafe_code)]

pub mod access;
mod answers;
mod body;
mod conversations;
pub mod cors;
mod docs;
mod envelope;
mod error;
mod extract;
mod feed;
mod gate;
mod health;
mod held;
pub mod hosts;
mod insights;
mod meter;
mod metrics;
mod openapi;
mod page;
mod pictures;
pub mod remote;
mod roles;
mod room;
mod rounds;
mod routes;
mod samples;
mod serve;
mod shared;
mod shares;
mod status;
mod timed;
mod tls;
pub mod traces;
mod transfer;
mod turns;
mod v1;
mod width;

pub use access::{KeyRing, Keys};
pub use cors::CorsOrigins;
pub use hosts::AllowedHosts;
pub use openapi::document as openapi_document;
pub use page::{HOW_TO_BUILD, PageFile, PageFiles, is_built as page_is_built};
pub use remote::Fetcher;
pub use serve::{ServeLimits, serve};
pub use shared::{Server, ServerOptions};
pub use traces::Traces;
