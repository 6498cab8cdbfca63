/* Keys made from values: an injective function, so that equal keys mean equal values.
 *
 * Why it is injective: '%' itself is written %25, so that "%" alone, "%null" and "%unset" are no
 * value's text; a comma within one of several values is %2C, so that a bare one separates. A key
 * that would be too long ends in '%' and a hash of the whole. */
#include "sha256.h"
#include "utf8.h"
#include "value.h"

#define KEY_WHOLE_MAX 200 /* longer ones are cut; what is left has room for "~2" */
#define KEY_CUT       160

static bool is_plain(char c, bool first, bool several)
{
    return c != '/' && c != '%' && !(first && c == '.') && !(several && c == ',');
}

static bool add_escaped(struct span text, bool several, struct buf *out)
{
    bool ok = true;
    size_t escaped = 0; /* how many bytes from here on belong to one character */

    for (size_t i = 0; ok && i < text.n; i++) {
        if (escaped == 0)
            escaped = utf8_control(text.p + i, text.n - i);
        if (escaped == 0 && is_plain(text.p[i], i == 0, several)) {
            ok = buf_addc(out, text.p[i]);
            continue;
        }
        ok = buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.p[i]);
        escaped -= escaped > 0;
    }
    return ok;
}

static bool add_value(struct span json, bool several, struct buf *out)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    if (!json.p)
        return buf_adds(out, "%unset");
    if (span_eq(json, span_of("null")))
        return buf_adds(out, "%null");
    if (span_eq(json, span_of("\"\"")))
        return buf_addc(out, '%');
    bool ok = json.n > 0 && json.p[0] == '"' ? json_decode_string(json, &text)
                                             : json_to_line(json, &text);
    return ok && add_escaped(buf_span(&text), several, out);
}

/* Replaces what stands from `start` by its beginning and its hash. */
static bool shorten(struct buf *out, size_t start)
{
    unsigned char hash[SHA256_SIZE];
    sha256((struct span){out->p + start, out->n - start}, hash);
    size_t cut = start + KEY_CUT;
    while ((out->p[cut] & 0xc0) == 0x80)
        cut--;
    out->n = cut;
    bool ok = buf_addc(out, '%');
    for (size_t i = 0; ok && i < 16; i++)
        ok = buf_printf(out, "%02x", (unsigned)hash[i]);
    return ok;
}

bool key_from_values(const struct span *values, const struct type_ref *const *types, size_t n,
                     struct buf *out)
{
    (void)types; /* one position has one type, so that its JSON text alone tells values apart */
    size_t start = out->n;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = (i == 0 || buf_addc(out, ',')) && add_value(values[i], n > 1, out);
    if (ok && out->n - start > KEY_WHOLE_MAX)
        ok = shorten(out, start);
    if (!ok)
        out->n = start;
    return ok;
}
