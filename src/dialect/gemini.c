/* SPDX-License-Identifier: Apache-2.0 */
/* Gemini: models/MODEL:generateContent and its kin. The base URL ends in "/v1beta". */
#include "dialect/rows.h"

const struct dialect dialect_gemini = {
    .name = "gemini",
    .operations = OPERATION_BIT(OPERATION_CHAT) | OPERATION_BIT(OPERATION_COMPLETION) |
                  OPERATION_BIT(OPERATION_EMBEDDING) | OPERATION_BIT(OPERATION_TOKEN_COUNT),
};
