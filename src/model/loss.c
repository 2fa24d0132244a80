/* SPDX-License-Identifier: Apache-2.0 */
/* The list becomes a header value, so only letters that can neither end the header nor an item of
 * the list get in. */
#include "model/loss.h"

static char safe_char(char c)
{
    bool safe = c > ' ' && c < 0x7F && c != ',' && c != '"' && c != '\\';
    return safe ? c : '_';
}

/* Does the text at `at`, up to the next comma, say the same as the member? */
static bool item_is(const struct loss *loss, size_t at, struct slice member)
{
    if (loss->len - at < member.len) {
        return false;
    }
    for (size_t i = 0; i < member.len; i++) {
        if (loss->text[at + i] != safe_char(member.ptr[i])) {
            return false;
        }
    }
    return at + member.len == loss->len || loss->text[at + member.len] == ',';
}

static bool listed(const struct loss *loss, struct slice member)
{
    for (size_t at = 0; at < loss->len; at++) {
        if ((at == 0 || loss->text[at - 1] == ',') && item_is(loss, at, member)) {
            return true;
        }
    }
    return false;
}

void loss_add(struct loss *loss, struct slice member)
{
    if (member.len == 0 || listed(loss, member)) {
        return;
    }
    loss->count++;
    size_t comma = loss->len > 0 ? 1 : 0;
    /* One that does not fit whole is counted only: half a name would be a wrong name. */
    if (member.len + comma > sizeof loss->text - loss->len) {
        return;
    }
    if (comma == 1) {
        loss->text[loss->len++] = ',';
    }
    for (size_t i = 0; i < member.len; i++) {
        loss->text[loss->len++] = safe_char(member.ptr[i]);
    }
}
