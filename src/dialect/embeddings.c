/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI Embeddings: /v1/embeddings. Its answers are never streams. */
#include "dialect/embeddings.h"

#include "dialect/decoder.h"
#include "dialect/openai.h"
#include "dialect/rows.h"

static struct slice request_path(const struct chat *chat)
{
    (void)chat;
    return SLICE("/embeddings");
}

const struct dialect dialect_openai_embeddings = {
    .name = "openai-embeddings",
    .operations = OPERATION_BIT(OPERATION_EMBEDDING),
    .read_request = embeddings_read,
    .write_error = openai_write_error,
    .write_stream_error = openai_write_stream_error,
    .write_answer = embeddings_write_answer,
    .wishes = {[WISH_MESSAGES] = "/input"},
    .request_path = request_path,
    .write_request = embeddings_write_request,
    .edit_request = embeddings_edit,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_reset = decoder_reset,
    .decode = openai_decode,
    .decode_end = openai_decode_end,
    .decode_answer = embeddings_decode_answer,
    .read_usage = openai_read_usage,
    .read_error = openai_read_error,
};
