/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/dialect.h"

#include "dialect/rows.h"

static const struct dialect *const dialects[DIALECT_COUNT] = {
    [DIALECT_ANTHROPIC] = &dialect_anthropic,
    [DIALECT_GEMINI] = &dialect_gemini,
    [DIALECT_OLLAMA] = &dialect_ollama,
    [DIALECT_OPENAI_CHAT] = &dialect_openai_chat,
    [DIALECT_OPENAI_COMPLETIONS] = &dialect_openai_completions,
    [DIALECT_OPENAI_EMBEDDINGS] = &dialect_openai_embeddings,
    [DIALECT_OPENAI_RESPONSES] = &dialect_openai_responses,
};

const struct dialect *dialect_of(enum dialect_id id)
{
    CHECK((unsigned)id < DIALECT_COUNT);
    return dialects[id];
}

bool dialect_from_name(struct slice name, enum dialect_id *ret_id)
{
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        if (slice_eq(name, slice_from_cstr(dialects[id]->name))) {
            *ret_id = (enum dialect_id)id;
            return true;
        }
    }
    return false;
}
