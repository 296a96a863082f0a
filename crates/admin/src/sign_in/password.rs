//! A person sets the password.

use axum::extract::State;
use http::StatusCode;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tollgate_store::management::passwords;
use tollgate_store::management::sessions::BegunBy;
use utoipa::ToSchema;

use super::throttle::Attempt;
use crate::app::Admin;
use crate::caller::SignedIn;
use crate::extract::Body;
use crate::problem::{Kind, Problem};

/// Shortest password, in characters: what no list of guesses has in a useful place.
const MIN_CHARS: usize = 12;
/// Longest: a sentence, with room.
const MAX_CHARS: usize = 1000;
/// How long after coming in by a sign-in link the password may be set without the one before: that is what the link is for.
const FORGOTTEN_FOR: SignedDuration = SignedDuration::from_mins(15);

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// At least 12 characters.
    #[schema(value_type = String, min_length = 12, max_length = 1000)]
    password: SecretString,
    /// The one before. Not needed where there is none, nor within 15 minutes of coming in by a sign-in link.
    #[schema(value_type = Option<String>)]
    current: Option<SecretString>,
}

/// Sets the password of whoever is signed in, and ends the user's other sessions and sign-in links.
#[utoipa::path(put, path = "/admin/api/v1/session/password", tag = "sessions", request_body = NewPassword,
    responses((status = 204, description = "The password is set")))]
pub(crate) async fn set(
    State(admin): State<Admin>,
    mut attempt: Attempt,
    signed_in: SignedIn,
    Body(new): Body<NewPassword>,
) -> Result<StatusCode, Problem> {
    let chars = new.password.expose_secret().chars().count();
    if !(MIN_CHARS..=MAX_CHARS).contains(&chars) {
        return Err(Problem::new(
            Kind::Invalid,
            format!("the password has {chars} characters; {MIN_CHARS} at least, {MAX_CHARS} at most"),
        ));
    }
    let holder = &signed_in.holder;
    let user = holder.user_id;
    let now = admin.clock().now();
    let before = admin.store().tx("password_before", async |tx| passwords::of_user(&tx, user).await).await?;
    let came_by_link =
        holder.begun_by == BegunBy::Code && now.duration_since(holder.created_at) <= FORGOTTEN_FOR;
    match (&before, new.current) {
        (Some(before), Some(current)) => {
            // Whoever has a session and not the password gets no more guesses than at the door.
            attempt.count(&admin, Some(&holder.user_name)).await?;
            if !admin.hasher().verify(current, Some(before.clone())).await? {
                return Err(Problem::new(Kind::WrongCredentials, "`current` is not the password"));
            }
            attempt.succeeded(&admin).await?;
        }
        (Some(_), None) if !came_by_link => {
            return Err(Problem::new(
                Kind::WrongCredentials,
                "send the password before as `current`, or come in by a new sign-in link",
            ));
        }
        // Whom the provider lets in no more is not to come in by what was set on the way.
        (None, _) if holder.begun_by == BegunBy::Oidc => {
            return Err(Problem::new(
                Kind::Forbidden,
                "you came in through the OpenID provider; a first password is set by whoever comes in by a sign-in link",
            ));
        }
        _ => {}
    }
    let phc = admin.hasher().hash(new.password).await?;
    let set = async |tx| passwords::set(&tx, user, before.as_ref(), &phc, &signed_in.digest, now).await;
    admin.store().tx("set_password", set).await?;
    Ok(StatusCode::NO_CONTENT)
}
