/* Replies as text, in redis-cli's five formats. No state; any thread. */
#ifndef TOOLS_CLI_FORMAT_REPLY_H
#define TOOLS_CLI_FORMAT_REPLY_H

#include "base/buffer.h"
#include "protocol/resp_reply_reader.h"
#include <stdbool.h>

/* More than any reply that the reader lets through. */
#define FORMATTED_SIZE_MAX ((size_t)1 << 40)

/* For people: types, quotes, numbered elements; ends with a newline. */
void format_reply_standard(struct buffer *out, const struct reply_value *reply);
/* The bytes alone, elements separated by `delimiter`. */
void format_reply_raw(struct buffer *out, const struct reply_value *reply, const char *delimiter);
void format_reply_csv(struct buffer *out, const struct reply_value *reply);
/* is_ascii: what is not printable ASCII is escaped as in a quoted string first. */
void format_reply_json(struct buffer *out, const struct reply_value *reply, bool is_ascii);
/* Texts for people as JSON: INFO and its like; CLIENT LIST; CLIENT INFO; CLUSTER NODES
 * (json_texts.c). */
void format_info_json(struct buffer *out, struct bytes text, bool is_ascii);
void format_clients_json(struct buffer *out, struct bytes text, bool is_ascii);
void format_client_json(struct buffer *out, struct bytes text, bool is_ascii);
void format_nodes_json(struct buffer *out, struct bytes text, bool is_ascii);
/* True for a push that tells of keys changed (client side caching). */
bool reply_is_invalidation(const struct reply_value *reply);
/* "-> invalidate: 'key'" */
void format_invalidation(struct buffer *out, const struct reply_value *reply);

#endif
