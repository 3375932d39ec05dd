//! What a request names in its address, and in our words what is wrong with it.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, said};

/// A part of the path. One that cannot name anything names nothing.
pub(crate) struct Named<T>(pub T);

impl<T, S> FromRequestParts<S> for Named<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(name)| Self(name))
            .map_err(|_| ApiError::NotFound)
    }
}

/// What stands behind the question mark.
pub(crate) struct Wished<T>(pub T);

impl<T, S> FromRequestParts<S> for Wished<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(wish)| Self(wish)).map_err(|rejection| {
            let told = rejection.body_text();
            let message = told
                .rsplit_once("query string: ")
                .map_or(told.as_str(), |(_, why)| why);
            ApiError::Field {
                param: "query".to_owned(),
                message: format!(
                    "The address asks for something unknown: {}.",
                    said(&message)
                ),
            }
        })
    }
}
