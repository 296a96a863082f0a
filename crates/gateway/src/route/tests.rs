//! Claims about routes.

use http::HeaderValue;

use super::*;

fn route(path: &str) -> Route {
    Route::of(path, &HeaderMap::new())
}

#[test]
fn every_surface_is_found_by_its_path() {
    for surface in Surface::ALL {
        let path = surface.route_template().replace("{model}", "a%2Fb");
        match route(&path) {
            Route::Metered { surface: found, model_in_path } => {
                assert_eq!(found, surface);
                assert_eq!(model_in_path.as_deref(), surface.names_model_in_path().then_some("a/b"));
            }
            other => assert_eq!((surface, other), (Surface::PassThrough, Route::Other)),
        }
    }
}

#[test]
fn paths_that_are_almost_ours_are_not() {
    for path in [
        "/",
        "/v1",
        "/v1/chat/completions/",
        "//v1/chat/completions",
        "/V1/chat/completions",
        "/v1/models/",
        "/v1beta/models/chat:countTokens",
        "/x/v1beta/models/chat:generateContent",
    ] {
        assert_eq!(route(path), Route::Other, "{path}");
    }
}

#[test]
fn one_model_is_named_by_the_rest_of_the_path() {
    assert_eq!(route("/v1/models/org/a%20b"), Route::Model(ListShape::OpenAi, "org/a b".to_owned()));
    assert_eq!(route("/v1beta/models/chat"), Route::Model(ListShape::Gemini, "chat".to_owned()));
}

#[test]
fn a_list_has_the_shape_of_the_vendor_whose_client_asks() {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    assert_eq!(Route::of("/v1/models", &headers), Route::Models(ListShape::Anthropic));
    assert_eq!(route("/v1/models"), Route::Models(ListShape::OpenAi));
    assert_eq!(Route::of("/v1beta/models", &headers), Route::Models(ListShape::Gemini));
}

#[test]
fn every_version_of_geminis_api_is_metered() {
    for version in ["v1", "v1beta", "v1alpha"] {
        let path = format!("/{version}/models/flash:streamGenerateContent");
        let expected = Route::Metered {
            surface: Surface::GeminiStreamGenerate,
            model_in_path: Some("flash".to_owned()),
        };
        assert_eq!(route(&path), expected, "{path}");
    }
    let tuned = Route::Model(ListShape::OpenAi, "ft:gpt-4o:org".to_owned());
    assert_eq!(route("/v1/models/ft:gpt-4o:org"), tuned, "a colon alone does not make a path Gemini's");
}
