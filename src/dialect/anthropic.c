/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic Messages: /v1/messages and /v1/messages/count_tokens. The base URL ends in "/v1". */
#include "dialect/rows.h"

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION) |
                  OPERATION_BIT(OPERATION_TOKEN_COUNT),
};
