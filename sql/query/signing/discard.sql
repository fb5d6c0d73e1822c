-- The private half of whatever key signed before, or came along with a template.
DELETE FROM vpd_private.signing_secret;
