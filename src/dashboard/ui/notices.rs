//! Notices to a person, on the board and on the status page.

use leptos::prelude::*;

use crate::{
    health::{Notice, api::DismissNotice},
    ui::{Button, ButtonKind, ButtonLink, NoticeBox, TimeAgo, Tone},
};

/// What the owner is to know, newest first.
#[component]
pub fn Notices(
    /// The notices.
    #[prop(into)]
    notices: Signal<Vec<Notice>>,
    /// What puts one away.
    dismiss: ServerAction<DismissNotice>,
) -> impl IntoView {
    view! {
        <For each=move || notices.get() key=|notice| notice.id let:notice>
            {
                let id = notice.id.to_string();
                let at = notice.created_at;
                let tone = if notice.kind == "network_outage" { Tone::Down } else { Tone::Degraded };
                let connection = notice.credential_id;
                let end = move || {
                    let id = id.clone();
                    view! {
                        <span class="small quiet">
                            <TimeAgo at />
                        </span>
                        {connection
                            .map(|id| {
                                view! {
                                    <ButtonLink href=format!("/connections/{id}") small=true>
                                        "Open"
                                    </ButtonLink>
                                }
                            })}
                        <ActionForm action=dismiss>
                            <input type="hidden" name="id" value=id />
                            <Button kind=ButtonKind::Quiet small=true>
                                "Dismiss"
                            </Button>
                        </ActionForm>
                    }
                };
                view! {
                    <NoticeBox tone title=notice.title end>
                        {notice.body}
                    </NoticeBox>
                }
            }
        </For>
    }
}
