//! A service defined by the macro, called through its own routes.

use std::sync::Arc;

use sbi_api::{
    Body, BoxFuture, CallError, Caller, Created, Handler, Json, NoContent, Problem, Request, Response, Routes, Target,
    WithLocation, service,
};

#[derive(serde::Serialize, serde::Deserialize)]
struct Filter {
    name: String,
}

service! {
    /// A service of this test.
    client Notes, server NotesServer, of Udm NudmSdm at "/notes/v1";

    /// Reads.
    fn read(owner: String, id: String; query Filter) = GET "/{owner}/notes/{id}" -> Json<String>;
    /// Creates.
    fn create(owner: String; body Json<String>) = POST "/{owner}/notes" -> Created<Json<String>>;
    /// Removes.
    fn remove(owner: String, id: String) = DELETE "/{owner}/notes/{id}" -> NoContent;
}

struct Server;

impl NotesServer for Server {
    async fn read(&self, owner: String, id: String, query: Filter) -> Result<String, Problem> {
        Ok(format!("{owner}/{id}/{}", query.name))
    }

    async fn create(&self, owner: String, body: String) -> Result<WithLocation<String>, Problem> {
        Ok(WithLocation { location: format!("http://h/notes/v1/{owner}/notes/7"), body })
    }

    async fn remove(&self, _owner: String, id: String) -> Result<(), Problem> {
        Err(Problem::not_found("NOTE_NOT_FOUND", id))
    }
}

struct Direct(Routes);

impl Caller for Direct {
    fn call<'a>(&'a self, _: &'a Target, request: Request<Body<'a>>) -> BoxFuture<'a, Result<Response, CallError>> {
        Box::pin(async { Ok(self.0.handle(request.map(Body::into_bytes)).await.map(Body::into_bytes)) })
    }
}

fn direct() -> Direct {
    Direct(routes(Arc::new(Server)))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(future).expect("nothing here waits")
}

#[test]
fn client_and_server_agree() {
    let client = Notes::new(Arc::new(direct()));
    let read = block_on(client.read(&"o/1".into(), &"7".into(), &Filter { name: "x y".into() }));
    assert_eq!(read.expect("answered"), "o/1/7/x y");
    let created = block_on(client.create(&"me".into(), &"text".into())).expect("created");
    assert_eq!((created.location.as_str(), created.body.as_str()), ("http://h/notes/v1/me/notes/7", "text"));
    let error = block_on(client.remove(&"me".into(), &"9".into())).expect_err("not there");
    assert_eq!((error.status(), error.cause()), (Some(404), Some("NOTE_NOT_FOUND")));
}

#[test]
fn wrong_requests_get_their_status() {
    let status = |method: &str, path: &str, content_type: &str, body: &'static str| {
        let request = http::Request::builder().method(method).uri(path).header("content-type", content_type);
        block_on(direct().0.handle(request.body(body.into()).expect("a request"))).status().as_u16()
    };
    assert_eq!(status("GET", "/other/v1/x", "", ""), 404);
    assert_eq!(status("GET", "/notes/v1/me", "", ""), 404);
    assert_eq!(status("PUT", "/notes/v1/me/notes", "application/json", "\"x\""), 405);
    assert_eq!(status("POST", "/notes/v1/me/notes", "text/plain", "\"x\""), 415);
    assert_eq!(status("POST", "/notes/v1/me/notes", "application/json", "{"), 400);
    assert_eq!(status("GET", "/notes/v1/me/notes/%00?name=x", "", ""), 400);
    assert_eq!(status("GET", "/notes/v1/me/notes/1", "", ""), 400);
}
