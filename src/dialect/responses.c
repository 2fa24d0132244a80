/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI Responses: /v1/responses. */
#include "dialect/rows.h"

const struct dialect dialect_openai_responses = {
    .name = "openai-responses",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION),
};
