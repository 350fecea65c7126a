/* See uri.h. */
#include "tools/common/uri.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include <stdint.h>
#include <stdio.h>

static int fail(struct uri *uri, char *error, size_t error_size, const char *text)
{
    uri_deinit(uri);
    snprintf(error, error_size, "%s", text);
    return -1;
}

/* NULL when an escape is incomplete or stands for a NUL. */
static char *percent_decode(struct bytes text)
{
    char *decoded = mem_alloc(text.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '%') {
            bool is_whole = text.size - i > 2;
            int high = is_whole ? text_hex_digit(text.data[i + 1]) : -1;
            int low = is_whole ? text_hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0) {
                mem_free_secret(decoded, text.size + 1);
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        decoded[size++] = c;
    }
    decoded[size] = '\0';
    return decoded;
}

static struct bytes cut_front(struct bytes *text, size_t size, size_t separator)
{
    struct bytes front = bytes_of(text->data, size);
    *text = bytes_of(text->data + size + separator, text->size - size - separator);
    return front;
}

static bool find(struct bytes text, char c, size_t *index)
{
    const char *at = text.size ? memchr(text.data, c, text.size) : NULL;
    *index = at ? (size_t)(at - text.data) : text.size;
    return at != NULL;
}

static bool take_prefix(struct bytes *text, const char *prefix)
{
    size_t size = strlen(prefix);
    if (text->size < size || strncasecmp(text->data, prefix, size) != 0)
        return false;
    cut_front(text, size, 0);
    return true;
}

/* "user:password@", ":password@" or "password@". */
static bool take_credentials(struct uri *uri, struct bytes *rest)
{
    size_t at;
    if (!find(*rest, '@', &at))
        return true;
    struct bytes credentials = cut_front(rest, at, 1);
    size_t colon;
    if (find(credentials, ':', &colon)) {
        struct bytes user = cut_front(&credentials, colon, 1);
        if (user.size > 0 && !(uri->user = percent_decode(user)))
            return false;
    }
    uri->password = percent_decode(credentials);
    return uri->password != NULL;
}

static bool parse_number(struct bytes text, int64_t max, int *number)
{
    int64_t value;
    if (!number_parse_i64(text, &value) || value < 0 || value > max)
        return false;
    *number = (int)value;
    return true;
}

/* "host", "host:port", "[address]", "[address]:port", or nothing. */
static bool take_host(struct uri *uri, struct bytes authority)
{
    if (authority.size == 0)
        return true;
    size_t end;
    struct bytes host;
    if (authority.data[0] == '[') {
        if (!find(authority, ']', &end))
            return false;
        host = bytes_of(authority.data + 1, end - 1);
        cut_front(&authority, end, 1);
        if (authority.size > 0 && authority.data[0] != ':')
            return false;
    } else {
        find(authority, ':', &end);
        host = cut_front(&authority, end, 0);
    }
    if (host.size > 0 && !(uri->host = percent_decode(host)))
        return false;
    if (authority.size == 0)
        return true;
    cut_front(&authority, 1, 0);
    return authority.size == 0 || parse_number(authority, UINT16_MAX, &uri->port);
}

static int parse_unix(struct uri *uri, struct bytes rest, char *error, size_t error_size)
{
    /* An '@' behind a slash is the path's. */
    bool is_path = rest.size > 0 && rest.data[0] == '/';
    if (!is_path && !take_credentials(uri, &rest))
        return fail(uri, error, error_size, "Invalid user or password in URI");
    size_t query_index;
    bool has_query = find(rest, '?', &query_index);
    struct bytes path = cut_front(&rest, query_index, has_query);
    if (path.size == 0 || !(uri->unix_path = percent_decode(path)))
        return fail(uri, error, error_size, "Invalid socket path in URI");
    if (take_prefix(&rest, "db=") && !parse_number(rest, INT32_MAX, &uri->db))
        return fail(uri, error, error_size, "Invalid database number in URI");
    return 0;
}

int uri_parse(const char *text, struct uri *uri, char *error, size_t error_size)
{
    *uri = (struct uri){.db = -1};
    struct bytes rest = bytes_of_text(text);
    if (take_prefix(&rest, "unix://"))
        return parse_unix(uri, rest, error, error_size);
    if (take_prefix(&rest, "rediss://"))
        uri->is_tls = true;
    else if (!take_prefix(&rest, "redis://"))
        return fail(uri, error, error_size, "Invalid URI scheme");
    size_t query_index;
    find(rest, '?', &query_index);
    rest.size = query_index;
    if (!take_credentials(uri, &rest))
        return fail(uri, error, error_size, "Invalid user or password in URI");
    size_t slash;
    bool has_path = find(rest, '/', &slash);
    struct bytes authority = cut_front(&rest, slash, has_path);
    if (!take_host(uri, authority))
        return fail(uri, error, error_size, "Invalid host or port in URI");
    if (rest.size > 0 && !parse_number(rest, INT32_MAX, &uri->db))
        return fail(uri, error, error_size, "Invalid database number in URI");
    return 0;
}

void uri_deinit(struct uri *uri)
{
    if (uri->password)
        mem_free_secret(uri->password, strlen(uri->password));
    mem_free(uri->user);
    mem_free(uri->host);
    mem_free(uri->unix_path);
    *uri = (struct uri){.db = -1};
}
