//! Passwords: argon2id with a pepper made from the master key, so that a stolen database alone does not let anybody try passwords on it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tollgate_domain::MasterKey;

use crate::problem::{Kind, Problem};

/// Most passwords hashed at once: each takes 19 MiB and a processor for some hundredths of a second, and the gateway beside us is not to
/// notice.
pub(crate) const HASHED_AT_ONCE: usize = 2;
/// How long somebody waits for a turn.
const TURN_PATIENCE: Duration = Duration::from_secs(20);
/// Memory in KiB, passes and lanes: what OWASP's cheat sheet on password storage asks of argon2id at least.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Of nobody's password, to be tried on where there is none, at the cost of the others.
static NOBODYS: LazyLock<Option<SecretString>> = LazyLock::new(|| {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost()?);
    let made: PasswordHash = argon2.hash_password_with_salt(b"nobody", b"nobody has this salt").ok()?;
    Some(SecretString::from(made.to_string()))
});

fn cost() -> Option<Params> {
    let (memory_kib, passes, lanes) = COST;
    Params::new(memory_kib, passes, lanes, None).ok()
}

/// Hashes passwords, a few at once, where it keeps nobody else from running.
#[derive(Debug)]
pub(crate) struct Hasher {
    pepper: Arc<[u8; 32]>,
    turns: Arc<Semaphore>,
}

impl Hasher {
    pub(crate) fn new(master: &MasterKey) -> Self {
        let pepper = Arc::new(master.derive("tollgate password pepper v1"));
        Self { pepper, turns: Arc::new(Semaphore::new(HASHED_AT_ONCE)) }
    }

    /// The password in PHC form, with a salt of its own.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<SecretString, Problem> {
        self.run(move |argon2| {
            let made: PasswordHash = argon2.hash_password(password.expose_secret().as_bytes()).ok()?;
            Some(SecretString::from(made.to_string()))
        })
        .await
    }

    /// Whether this is the password. Where there is none it is not, at the same cost.
    pub(crate) async fn verify(
        &self,
        password: SecretString,
        phc: Option<SecretString>,
    ) -> Result<bool, Problem> {
        self.run(move |argon2| {
            let is_somebodys = phc.is_some();
            let phc = phc.or_else(|| NOBODYS.clone())?;
            let stored = PasswordHash::new(phc.expose_secret()).ok()?;
            let is_right = argon2.verify_password(password.expose_secret().as_bytes(), &stored).is_ok();
            Some(is_right && is_somebodys)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'_>) -> Option<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = tokio::time::timeout(TURN_PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::new(Kind::Unavailable, "too many people sign in at once; try again"));
        };
        let pepper = Arc::clone(&self.pepper);
        let worked = tokio::task::spawn_blocking(move || {
            // With the work and not with its request: one that hung up gives its turn back when its work is done.
            let _turn = turn;
            Argon2::new_with_secret(pepper.as_slice(), Algorithm::Argon2id, Version::V0x13, cost()?)
                .ok()
                .and_then(|argon2| work(&argon2))
        });
        worked.await.ok().flatten().ok_or_else(|| {
            tracing::error!("a password could not be hashed, or what is stored of one is no hash");
            Problem::new(Kind::Internal, "the server's log says more")
        })
    }
}

#[cfg(test)]
mod tests;
