//! Keeps the reactive systems of concurrent requests apart.
//!
//! Leptos keeps the owner of what is being rendered in a variable of the thread, and a page leaves its owner there
//! while it waits. Another request that runs on the thread meanwhile would find it: a file's answer took the headers
//! of the page that was waiting, its cookies with them (`leptos_axum`'s handler of files asks for whatever answer is
//! current), and the page that went on elsewhere forgot which parts of the wasm it had used.

use std::{
    future::{Future, poll_fn},
    pin::pin,
};

use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use leptos::prelude::Owner;

/// Gives every request the owner that it left, and no other's.
pub async fn apart(request: Request<Body>, next: Next) -> Response {
    let mut answer = pin!(next.run(request));
    let mut own = None;
    poll_fn(|context| {
        let before = enter(own.take());
        let polled = answer.as_mut().poll(context);
        own = enter(before);
        polled
    })
    .await
}

/// Makes this owner, or none, the thread's; gives the one that was.
fn enter(owner: Option<Owner>) -> Option<Owner> {
    let before = Owner::current();
    match (owner, before.clone()) {
        (Some(owner), _) => owner.set(),
        (None, Some(before)) => before.unset(),
        (None, None) => {}
    }
    before
}
