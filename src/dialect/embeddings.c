/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI Embeddings: /v1/embeddings. */
#include "dialect/rows.h"

const struct dialect dialect_openai_embeddings = {
    .name = "openai-embeddings",
    .operations = OPERATION_BIT(OPERATION_EMBEDDING),
};
