//! Two participants and a server's rules between them, on a hand-turned clock and a link that loses what it is told to.

mod hostile;
mod media;
mod repair;
mod stage;
