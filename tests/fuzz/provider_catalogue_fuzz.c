/* SPDX-License-Identifier: Apache-2.0 */
/* Names from clients against the match rules: whatever is found is a sane row, and finding it again
 * by moment agrees. */
#include "provider/catalogue.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const providers[] = {"openai", "azure",    "google",   "openrouter",
                                            "x-ai",   "deepseek", "fireworks"};
    if (size < 5) {
        return 0;
    }
    int64_t wall_s =
        (int64_t)data[1] << 24 | (int64_t)data[2] << 16 | (int64_t)data[3] << 8 | data[4];
    const char *provider = providers[data[0] % ARRAY_LEN(providers)];
    char *copy = malloc(size - 5 + 1); /* exact size, so that ASan sees a read past the end */
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, data + 5, size - 5);
    copy = realloc(copy, size - 5 == 0 ? 1 : size - 5);
    struct catalogue_model found;
    struct catalogue_model again;
    if (catalogue_find(slice_from_cstr(provider), slice_of(copy, size - 5), wall_s, &found)) {
        catalogue_at(found.index, wall_s, &again);
        CHECK(slice_eq(found.id, again.id) && found.price_until_s == again.price_until_s);
        CHECK(found.price_until_s > wall_s);
        struct usage usage = {.input = wall_s, .output = data[0]};
        CHECK(price_cost(&found.price, &usage) >= 0);
    }
    free(copy);
    return 0;
}
