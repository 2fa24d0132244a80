/* SPDX-License-Identifier: Apache-2.0 */
#include "base/embed.h"
#include "route/text_model.h"

EMBED(text_model, "data/weights/default.weights");

const struct text_model *text_model_default(void)
{
    return (const struct text_model *)(const void *)text_model_begin;
}
