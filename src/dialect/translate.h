/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers of requests share: how they say that something was lost, or cannot be said at
 * all. */
#ifndef SLUICE_DIALECT_TRANSLATE_H
#define SLUICE_DIALECT_TRANSLATE_H

#include "dialect/dialect.h"

/* Adds "messages.INDEX.MEMBER". */
void loss_add_message(struct loss *loss, size_t index, struct slice member);
/* All extras of the top level and of the messages that say something (not null, "" or []), and all
 * odd members. */
void loss_add_extras(struct loss *loss, const struct chat *chat);
/* As loss_add_extras(), but for these members of the top level: the target has a place for them. */
void loss_add_extras_but(struct loss *loss, const struct chat *chat, const struct slice *carried,
                         size_t carried_count);
/* The value of `cache_control` as Anthropic writes it; of a mark. */
struct slice cache_mark_json(enum cache_mark mark);
/* How many of the chat's marks to leave out, the first ones: Anthropic and Bedrock take four, and
 * the last ones are worth the most, because they hold what is before them. */
size_t cache_marks_over(const struct chat *chat);
/* "cache_control", once, where a tool or a part has a mark: the target has no place for any. */
void loss_add_cache_marks(struct loss *loss, const struct chat *chat);
/* Each returns false with the code "untranslatable" and a pointer to the client's own member: the
 * part, the turn, or what asks for it at the top level. */
bool untranslatable_part(const struct chat *chat, const struct chat_part *part, struct error *error,
                         const char *text);
bool untranslatable_message(const struct chat *chat, size_t index, struct error *error,
                            const char *text);
bool untranslatable_wish(const struct chat *chat, enum wish wish, struct error *error,
                         const char *text);
/* Is it a URL that a server can fetch from (http: or https:, in any case)? */
bool url_is_web(struct slice inner);

/* Is this JSON text (plain) one object? Arguments of calls must be, where a dialect has no text. */
bool is_json_object(struct slice text);

#endif
