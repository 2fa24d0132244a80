/* SPDX-License-Identifier: Apache-2.0 */
/* Which vocabulary a model counts with, by its name: a table of beginnings. Pure. */
#ifndef SLUICE_MODEL_TOKEN_FAMILY_H
#define SLUICE_MODEL_TOKEN_FAMILY_H

#include "model/tokenizer.h"

/* 1 + enum token_encoding; 0: its vocabulary is not known here. A vendor before the name
 * ("openai/") is looked over. */
unsigned token_family(struct slice model);

#endif
