/* A table of counters by address; a client holds on to its own, which goes with the last of them.
 */
#include "client/strangers.h"

#include "base/hash.h"
#include "base/memory.h"
#include "io/address.h"
#include "structures/dict.h"
#include <netinet/in.h>
#include <string.h>

enum { PREFIX_SIZE = 8 };

struct stranger_source {
    uint64_t count;
    uint8_t size;
    uint8_t bytes[PREFIX_SIZE];
};

struct strangers {
    struct dict sources;
};

static uint64_t source_hash(const void *entry)
{
    const struct stranger_source *source = entry;
    return hash_bytes(source->bytes, source->size);
}

static bool source_matches(const void *entry, struct bytes key)
{
    const struct stranger_source *source = entry;
    return source->size == key.size && memcmp(source->bytes, key.data, key.size) == 0;
}

static const struct dict_type source_type = {source_hash, source_matches, mem_free};

struct strangers *strangers_create(void)
{
    struct strangers *strangers = mem_calloc(1, sizeof(*strangers));
    dict_init(&strangers->sources, &source_type);
    return strangers;
}

void strangers_destroy(struct strangers *strangers)
{
    assert(dict_count(&strangers->sources) == 0);
    dict_deinit(&strangers->sources);
    mem_free(strangers);
}

/* An IPv4 address, or the /64 of one of IPv6, of "1.2.3.4:port" or "[::1]:port". */
static bool read_source(const char *peer, struct stranger_source *source)
{
    char host[ADDRESS_TEXT_MAX];
    const char *end = peer ? strrchr(peer, ':') : NULL;
    bool is_bracketed = end && end > peer && peer[0] == '[';
    size_t size = end ? (size_t)(end - peer) - (is_bracketed ? 2 : 0) : 0;
    if (size == 0 || size >= sizeof(host))
        return false;
    memcpy(host, peer + is_bracketed, size);
    host[size] = '\0';
    struct address address;
    if (address_parse(host, 0, &address) != 0)
        return false;
    const void *storage = &address.storage;
    if (address.storage.ss_family == AF_INET) {
        const struct sockaddr_in *plain = storage;
        source->size = sizeof(plain->sin_addr);
        memcpy(source->bytes, &plain->sin_addr, source->size);
        return true;
    }
    const struct sockaddr_in6 *long_one = storage;
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(&long_one->sin6_addr);
    source->size = is_mapped ? 4 : PREFIX_SIZE;
    memcpy(source->bytes, &long_one->sin6_addr.s6_addr[is_mapped ? 12 : 0], source->size);
    return true;
}

bool strangers_add(struct strangers *strangers, struct client *client, int64_t max)
{
    struct stranger_source wanted = {0};
    if (client->source || !read_source(client->peer, &wanted))
        return true;
    uint64_t hash = source_hash(&wanted);
    struct stranger_source *source =
        dict_find(&strangers->sources, hash, bytes_of((const char *)wanted.bytes, wanted.size));
    if (source && max > 0 && source->count >= (uint64_t)max)
        return false;
    if (!source) {
        source = mem_dup(&wanted, sizeof(wanted));
        dict_add(&strangers->sources, hash, source);
    }
    source->count++;
    client->source = source;
    return true;
}

void strangers_remove(struct strangers *strangers, struct client *client)
{
    struct stranger_source *source = client->source;
    client->source = NULL;
    if (!source || --source->count > 0)
        return;
    (void)dict_remove(&strangers->sources, source_hash(source),
                      bytes_of((const char *)source->bytes, source->size));
    mem_free(source);
}

size_t strangers_sources(const struct strangers *strangers)
{
    return dict_count(&strangers->sources);
}
