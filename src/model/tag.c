/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tag.h"

#include "codec/utf8.h"

bool tag_is_sound(struct slice word)
{
    if (word.len == 0 || word.len > TAG_BYTES_MAX || word.ptr[0] == ' ' ||
        word.ptr[word.len - 1] == ' ' || !utf8_valid(word)) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.ptr[i];
        if (c < 0x20 || c == 0x7F || c == ',') {
            return false;
        }
    }
    return true;
}

bool tags_split(struct slice text, struct slice ret_tags[TAGS_MAX], size_t *ret_count)
{
    struct slice rest = text;
    size_t count = 0;
    do {
        struct slice word = slice_trim(slice_cut(&rest, ','));
        if (count == TAGS_MAX || !tag_is_sound(word)) {
            return false;
        }
        ret_tags[count++] = word;
    } while (rest.len > 0);
    *ret_count = count;
    return text.ptr[text.len - 1] != ',';
}
