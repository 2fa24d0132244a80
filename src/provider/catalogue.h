/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The price catalogue: prices, context windows and capabilities of models by provider, generated at
 * build time from the snapshot of the npm package @pydantic/genai-prices (MIT) in data/catalogue
 * into a compact table; ORIGIN there names version and date. Read-only, any thread.
 */
#ifndef SLUICE_PROVIDER_CATALOGUE_H
#define SLUICE_PROVIDER_CATALOGUE_H

#include "model/capability.h"
#include "model/price.h"

struct catalogue_model {
    size_t index;           /* for catalogue_at(): the price of another moment without a search */
    struct slice provider;  /* catalogue id, e.g. "openai" */
    struct slice id;        /* e.g. "gpt-4o-mini" */
    struct slice name;      /* title, may be empty */
    int64_t context_tokens; /* 0: not known */
    int64_t output_tokens;  /* most it can answer; 0: not known */
    capability_set capabilities; /* 0: not known */
    struct price price;          /* of the asked moment */
    int64_t price_until_s;       /* unix seconds at which it may change; INT64_MAX: never */
};

#define CATALOGUE_NAME_MAX 256 /* longer names are in no catalogue */

struct catalogue_info {
    const char *source; /* package and version */
    const char *date;   /* of the data, ISO */
    size_t models;
    size_t providers;
};

const struct catalogue_info *catalogue_info(void);
/* Finds a provider's model by the match rules of the catalogue (equals, starts_with, contains,
   ends_with, regex, and/or), with the price that is in force at `wall_s` (unix seconds; dated
   prices, time-of-day prices). Case does not matter, and a date written -20260131 is found as
   -2026-01-31 too. Takes time that is linear in the provider's rules, microseconds. False:
   not in the catalogue. */
MUST_USE bool catalogue_find(struct slice provider, struct slice model, int64_t wall_s,
                             struct catalogue_model *ret_model);
/* Iteration in stable order: index 0 .. info->models - 1. Constant time. */
void catalogue_at(size_t index, int64_t wall_s, struct catalogue_model *ret_model);

#endif
