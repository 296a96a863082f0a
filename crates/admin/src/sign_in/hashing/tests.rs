use super::*;

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

#[tokio::test]
async fn a_password_is_hashed_with_argon2id_a_salt_and_a_pepper() {
    let hasher = Hasher::new(&MasterKey::from_bytes([1; 32]));
    let (one, two) = (
        hasher.hash(secret("correct horse")).await.unwrap(),
        hasher.hash(secret("correct horse")).await.unwrap(),
    );
    assert!(one.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.expose_secret());
    assert_ne!(one.expose_secret(), two.expose_secret());
    assert!(hasher.verify(secret("correct horse"), Some(one.clone())).await.unwrap());
    assert!(!hasher.verify(secret("correct hors"), Some(one.clone())).await.unwrap());
    let other = Hasher::new(&MasterKey::from_bytes([2; 32]));
    assert!(
        !other.verify(secret("correct horse"), Some(one)).await.unwrap(),
        "another installation's pepper"
    );
}

#[tokio::test]
async fn what_nobody_has_is_no_password_not_even_the_one_that_it_was_made_of() {
    let hasher = Hasher::new(&MasterKey::from_bytes([1; 32]));
    for password in ["nobody", ""] {
        assert!(!hasher.verify(secret(password), None).await.unwrap());
    }
}

#[tokio::test]
async fn no_more_are_hashed_at_once_than_there_are_turns() {
    let hasher = Hasher::new(&MasterKey::from_bytes([1; 32]));
    let (began, mut counted) = tokio::sync::mpsc::unbounded_channel();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let run = || {
        let (began, wait) = (began.clone(), Arc::clone(&wait));
        hasher.run(move |_| {
            began.send(()).ok()?;
            wait.lock().ok()?.recv().ok()
        })
    };
    let watch = async {
        for _ in 0..HASHED_AT_ONCE {
            counted.recv().await.unwrap();
        }
        assert_eq!(hasher.turns.available_permits(), 0);
        assert!(counted.try_recv().is_err(), "a third is hashed beside two");
        for _ in 0..3 {
            release.send(()).unwrap();
        }
    };
    let (one, two, three, ()) = tokio::join!(run(), run(), run(), watch);
    for done in [one, two, three] {
        done.unwrap();
    }
}
