/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the Ollama dialect. */
#ifndef SLUICE_DIALECT_OLLAMA_H
#define SLUICE_DIALECT_OLLAMA_H

#include "dialect/dialect.h"

/* ollama_write.c */
bool ollama_write_request(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error);
/* ollama_message.c: the `messages` member. */
struct json_writer;
MUST_USE bool ollama_write_messages(struct json_writer *json, const struct chat *chat,
                                    struct loss *loss, struct error *error);

/* ollama_decode.c */
enum decode_result ollama_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame);
enum decode_result ollama_decode_end(struct decoder *d, struct frame *ret_frame);
enum decode_result ollama_decode_answer(struct decoder *d, struct slice body,
                                        struct frame *ret_frame);
void ollama_read_error(struct decoder *d, int status, struct slice body,
                       struct provider_error *ret_error);

#endif
