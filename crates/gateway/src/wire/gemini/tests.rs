//! Gemini's paths, as claims.

use super::GeminiPath;
use crate::wire::Surface;

#[test]
fn a_path_gives_its_model_and_its_method() {
    let path = GeminiPath::parse("/v1beta/models/gemini-2.5-flash:generateContent").unwrap();
    assert_eq!(
        (path.prefix, path.model, path.method),
        ("/v1beta/models/", "gemini-2.5-flash", "generateContent")
    );
    assert_eq!(path.surface(), Some(Surface::GeminiGenerate));
}

#[test]
fn vertex_paths_read_the_same() {
    let path =
        "/v1beta1/projects/p/locations/global/publishers/google/models/gemini-3-pro:streamGenerateContent";
    let path = GeminiPath::parse(path).unwrap();
    assert_eq!(path.model, "gemini-3-pro");
    assert_eq!(path.surface(), Some(Surface::GeminiStreamGenerate));
}

#[test]
fn other_methods_are_no_surface() {
    let path = GeminiPath::parse("/v1beta/models/gemini-2.5-flash:countTokens").unwrap();
    assert_eq!(path.surface(), None);
}

#[test]
fn paths_without_model_or_method_are_none() {
    for path in [
        "/v1beta/models",
        "/v1beta/models/",
        "/v1beta/models/gemini",
        "/v1beta/models/:generateContent",
        "/v1beta/models/gemini:",
        "/v1beta/models/gemini:generate/Content",
        "/v1beta/mymodels/gemini:generateContent",
        "",
    ] {
        assert_eq!(GeminiPath::parse(path), None, "{path}");
    }
}

#[test]
fn a_model_may_have_colons_and_slashes_and_be_percent_encoded() {
    let path = GeminiPath::parse("/v1beta/models/team%2Fgemma3:27b:generateContent").unwrap();
    assert_eq!(path.model, "team%2Fgemma3:27b");
    assert_eq!(path.decoded_model().unwrap(), "team/gemma3:27b");
    let odd = GeminiPath::parse("/v1beta/models/a%zz%4:generateContent").unwrap();
    assert_eq!(odd.decoded_model().unwrap(), "a%zz%4");
    let broken = GeminiPath::parse("/v1beta/models/%ff:generateContent").unwrap();
    assert_eq!(broken.decoded_model(), None);
}

#[test]
fn the_upstreams_path_has_the_upstreams_model_encoded_where_needed() {
    let path = GeminiPath::parse("/v1beta/models/alias:generateContent").unwrap();
    assert_eq!(path.with_model("gemini-2.5-pro"), "/v1beta/models/gemini-2.5-pro:generateContent");
    assert_eq!(path.with_model("a b?c#é"), "/v1beta/models/a%20b%3Fc%23%C3%A9:generateContent");
    assert_eq!(path.with_model("gemma:27b"), "/v1beta/models/gemma%3A27b:generateContent");
}
