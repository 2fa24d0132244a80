/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabularies (data/tokens), part of the program so that it runs anywhere. */
#ifndef SLUICE_MODEL_TOKEN_RANKS_H
#define SLUICE_MODEL_TOKEN_RANKS_H

#include "base/slice.h"

struct slice token_ranks_cl100k(void);
struct slice token_ranks_o200k(void);

#endif
