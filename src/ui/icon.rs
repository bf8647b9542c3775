//! The few icons, drawn for a 16-unit square with strokes of the text's colour.

use leptos::prelude::*;

/// Which icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IconName {
    /// The product's mark.
    Anchor,
    /// The board.
    Board,
    /// The status page.
    Pulse,
    /// Settings.
    Gear,
    /// API tokens.
    Key,
    /// An account.
    Person,
    /// Sign out.
    Leave,
    /// Check now.
    Play,
    /// Pause.
    Pause,
    /// Add.
    Plus,
    /// Edit.
    Pencil,
    /// Delete.
    Bin,
    /// Search.
    Search,
    /// Done, verified.
    Check,
    /// Close, dismiss.
    Cross,
    /// Something to heed.
    Warning,
    /// Something to know.
    Info,
    /// Copy.
    Copy,
    /// Back to where one came from.
    Back,
    /// Sorted upwards.
    Up,
    /// Sorted downwards.
    Down,
    /// Try again, reset.
    Again,
    /// A certificate, TLS.
    Lock,
    /// Light colours.
    Sun,
    /// Dark colours.
    Moon,
    /// Colours as the system has them.
    Screen,
    /// A database.
    Database,
    /// The audit log.
    List,
    /// The knowledge base.
    Bulb,
    /// The guides.
    Book,
}

impl IconName {
    /// The path data in a box of 16 by 16.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Anchor => {
                "M8 5.2V14M8 5.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4ZM5 7.5h6M2.3 9.3C2.6 12 4.9 14 8 14s5.4-2 5.7-4.7M2.3 9.3l-.8 1.9M2.3 9.3l1.7.9M13.7 9.3l.8 1.9M13.7 9.3l-1.7.9"
            }
            Self::Board => "M2.5 2.5h4.5v5.5H2.5zM9 2.5h4.5V6H9zM9 8h4.5v5.5H9zM2.5 10H7v3.5H2.5z",
            Self::Pulse => "M1.5 8.5h3l2-5.5 3 10 2-4.5h3",
            Self::Gear => {
                "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M3.4 12.6l1.4-1.4M11.2 4.8l1.4-1.4"
            }
            Self::Key => "M5.5 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM7.6 7.9 13.5 2M11 4.5l2 2",
            Self::Person => {
                "M8 7.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4ZM2.8 14c.4-2.7 2.5-4.3 5.2-4.3s4.8 1.6 5.2 4.3"
            }
            Self::Leave => "M6 2.5H3v11h3M7 8h6.5M11 5.5 13.5 8 11 10.5",
            Self::Play => "M4.5 2.8v10.4L13 8z",
            Self::Pause => "M5.5 3v10M10.5 3v10",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Pencil => "M10.5 2.8 13.2 5.5 5.7 13H3v-2.7zM9 4.3 11.7 7",
            Self::Bin => "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.6 9h6.8l.6-9M6.7 7v4M9.3 7v4",
            Self::Search => "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3l3.2 3.2",
            Self::Check => "m3 8.5 3.3 3.3L13 4.7",
            Self::Cross => "m4 4 8 8M12 4l-8 8",
            Self::Warning => "M8 2.2 14.5 13.5h-13zM8 6.5v3.2M8 11.5v.1",
            Self::Info => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.5v3.5M8 5v.1",
            Self::Copy => "M5.5 5.5h8v8h-8zM5.5 10.5h-3v-8h8v3",
            Self::Back => "M10 3 5 8l5 5",
            Self::Up => "M8 13V3M4 7l4-4 4 4",
            Self::Down => "M8 3v10M4 9l4 4 4-4",
            Self::Again => "M13 8a5 5 0 1 1-1.5-3.6L13 6M13 2.5V6H9.5",
            Self::Lock => "M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
            Self::Sun => {
                "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9"
            }
            Self::Moon => "M13.5 9.5A5.8 5.8 0 0 1 6.5 2.5a5.8 5.8 0 1 0 7 7Z",
            Self::Screen => "M2 3h12v8H2zM5.5 13.5h5M8 11v2.5",
            Self::List => "M5 4h8.5M5 8h8.5M5 12h8.5M2.4 4h.1M2.4 8h.1M2.4 12h.1",
            Self::Bulb => {
                "M6 12h4M6.5 14h3M8 1.8a4.3 4.3 0 0 0-2.4 7.8c.4.3.6.7.6 1.2V12h3.6v-1.2c0-.5.2-.9.6-1.2A4.3 4.3 0 0 0 8 1.8Z"
            }
            Self::Book => {
                "M8 4C6.8 3 5 2.7 2.5 2.7v9.6C5 12.3 6.8 12.6 8 13.6c1.2-1 3-1.3 5.5-1.3V2.7C11 2.7 9.2 3 8 4ZM8 4v9.6"
            }
            Self::Database => {
                "M8 6.5c3 0 5-.9 5-2.2s-2-2.3-5-2.3-5 1-5 2.3 2 2.2 5 2.2ZM3 4.3v7.4C3 13 5 14 8 14s5-1 5-2.3V4.3M3 8c0 1.3 2 2.3 5 2.3S13 9.3 13 8"
            }
        }
    }
}

/// An icon that says nothing by itself: the words beside it do.
#[component]
pub fn Icon(
    /// Which one.
    name: IconName,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d=name.path() />
        </svg>
    }
}
