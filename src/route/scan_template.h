/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block scan for one width of vector: included by scan.c once per instruction set, with VECTOR,
 * VECTOR_BYTES, LOAD, STORE, IS, RANGE, OR, AND, NEGATIVE, MASK, SPLAT and the function's NAME
 * defined. Not a header for anybody else.
 */

static inline __attribute__((always_inline)) uint64_t
NAME(words)(char *at, unsigned shift, struct block_masks *m, uint64_t *apostrophes)
{
    VECTOR b = LOAD(at);
    VECTOR letter = RANGE(OR(b, SPLAT(0x20)), 'a', 26);
    VECTOR upper = RANGE(b, 'A', 26);
    VECTOR digit = RANGE(b, '0', 10);
    VECTOR underscore = IS(b, '_');
    VECTOR apostrophe = IS(b, '\'');
    VECTOR word = OR(OR(letter, digit), OR(underscore, NEGATIVE(b)));
    VECTOR newline = IS(b, '\n');
    VECTOR space = OR(IS(b, ' '), OR(IS(b, '\t'), IS(b, '\r')));
    VECTOR stop = IS(b, '.');
    VECTOR comma = IS(b, ',');
    STORE(at, OR(b, AND(upper, SPLAT(0x20))));
    m->word |= MASK(word) << shift;
    m->upper |= MASK(upper) << shift;
    m->digit |= MASK(digit) << shift;
    m->high |= MASK(b) << shift; /* the sign bits */
    m->newline |= MASK(newline) << shift;
    m->space |= MASK(space) << shift;
    m->stop |= MASK(stop) << shift;
    m->comma |= MASK(comma) << shift;
    m->underscore |= MASK(underscore) << shift;
    *apostrophes |= MASK(apostrophe) << shift;
    /* What is left: marks that many blocks have none of. */
    VECTOR common = OR(OR(OR(word, apostrophe), OR(space, newline)), OR(stop, comma));
    return ~MASK(common) << shift;
}

static inline __attribute__((always_inline)) void NAME(marks)(const char *at, unsigned shift,
                                                              struct block_masks *m)
{
    VECTOR b = LOAD(at);
    VECTOR semicolon = IS(b, ';');
    VECTOR compared = OR(OR(IS(b, '='), IS(b, '<')), IS(b, '>'));
    VECTOR open = IS(b, '(');
    /* Setting bit 0x20 makes [ and {, ] and } one; no other byte becomes either of them. */
    VECTOR folded = OR(b, SPLAT(0x20));
    VECTOR brace = OR(IS(folded, '{'), IS(folded, '}'));
    VECTOR stop = OR(OR(IS(b, '!'), IS(b, '?')), IS(b, ':'));
    VECTOR sum = OR(OR(IS(b, '+'), IS(b, '-')), OR(IS(b, '*'), IS(b, '/')));
    VECTOR code = OR(OR(brace, OR(open, IS(b, ')'))), OR(compared, semicolon));
    m->stop |= MASK(stop) << shift;
    m->comma |= MASK(semicolon) << shift;
    m->quote |= MASK(OR(IS(b, '"'), IS(b, '`'))) << shift;
    m->code |= MASK(code) << shift;
    m->formula |= MASK(OR(OR(IS(b, '$'), IS(b, '\\')), IS(b, '^'))) << shift;
    m->arithmetic |= MASK(OR(OR(sum, compared), IS(b, '%'))) << shift;
    m->call |= MASK(open) << shift;
}

/* The masks are gathered in a local, and the steps are written out: the bytes that are stored could
   be anybody's, so masks in memory would be read again and again. */
void NAME(scan)(char *block, struct block_masks *masks)
{
    struct block_masks m = {0};
    uint64_t apostrophes = 0;
    uint64_t others = NAME(words)(block, 0, &m, &apostrophes);
    others |= NAME(words)(block + VECTOR_BYTES, VECTOR_BYTES, &m, &apostrophes);
#if VECTOR_BYTES == 16
    others |= NAME(words)(block + 32, 32, &m, &apostrophes);
    others |= NAME(words)(block + 48, 48, &m, &apostrophes);
#endif
    m.word = words_with_apostrophes(m.word, apostrophes);
    if (others != 0) {
        NAME(marks)(block, 0, &m);
        NAME(marks)(block + VECTOR_BYTES, VECTOR_BYTES, &m);
#if VECTOR_BYTES == 16
        NAME(marks)(block + 32, 32, &m);
        NAME(marks)(block + 48, 48, &m);
#endif
    }
    *masks = m;
}
