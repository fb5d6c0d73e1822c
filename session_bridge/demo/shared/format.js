// Numbers, dates and spans of time as a reader wants them.

const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const whole = new Intl.NumberFormat("en-US");
const day = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "numeric", timeZone: "UTC" });
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const asMoney = (value) => money.format(Number(value));
export const asCount = (value) => whole.format(Number(value));
export const asDay = (value) => day.format(new Date(`${value}T00:00:00Z`));
export const asTime = (value) => time.format(new Date(value));

/** A span in milliseconds as 4:05 or 11:59:07; never negative. */
export function asSpan(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const pad = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** Why a session ended, for a person. */
export function asReason(reason) {
  const words = {
    logout: "You logged out.",
    idle_timeout: "The session was not used for too long.",
    absolute_timeout: "The session reached its longest life.",
    limit_sessions: "You logged in elsewhere once more than is allowed.",
    provider_logout: "You logged out.",
    message_refused: "A keep-alive was refused, because nobody had recorded it.",
    ticket_replayed: "A handoff ticket was used twice.",
    administrator: "An administrator ended the session.",
    ended_by_user: "The session was ended from another window.",
  };
  return words[reason] ?? "The session is over.";
}
