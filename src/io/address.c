/* Addresses as text and as sockets know them. Any thread: no state but the resolver's. */
#include "io/address.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

int address_parse(const char *host, int port, struct address *address)
{
    if (port < 0 || port > UINT16_MAX)
        return -EINVAL;
    memset(address, 0, sizeof(*address));
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (strcmp(host, "*") == 0 || inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(&address->storage, &v4, sizeof(v4));
        address->size = sizeof(v4);
        return 0;
    }
    if (strcmp(host, "::*") == 0 || inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(&address->storage, &v6, sizeof(v6));
        address->size = sizeof(v6);
        return 0;
    }
    return -EINVAL;
}

int address_unix(const char *path, struct address *address)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(local.sun_path))
        return -EINVAL;
    memcpy(local.sun_path, path, size + 1);
    memset(address, 0, sizeof(*address));
    memcpy(&address->storage, &local, sizeof(local));
    address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
    return 0;
}

static void format_v4(const struct address *address, char text[ADDRESS_TEXT_MAX])
{
    struct sockaddr_in v4;
    memcpy(&v4, &address->storage, sizeof(v4));
    char host[INET_ADDRSTRLEN] = "?";
    (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
    snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host, (unsigned)ntohs(v4.sin_port));
}

static void format_v6(const struct address *address, char text[ADDRESS_TEXT_MAX])
{
    struct sockaddr_in6 v6;
    memcpy(&v6, &address->storage, sizeof(v6));
    char host[INET6_ADDRSTRLEN] = "?";
    (void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
    snprintf(text, ADDRESS_TEXT_MAX, "[%s]:%u", host, (unsigned)ntohs(v6.sin6_port));
}

static void format_unix(const struct address *address, char text[ADDRESS_TEXT_MAX])
{
    struct sockaddr_un local;
    memcpy(&local, &address->storage, sizeof(local));
    size_t size = 0;
    if (address->size > offsetof(struct sockaddr_un, sun_path))
        size = address->size - offsetof(struct sockaddr_un, sun_path);
    size = strnlen(local.sun_path, size < sizeof(local.sun_path) ? size : sizeof(local.sun_path));
    snprintf(text, ADDRESS_TEXT_MAX, "%.*s:0", (int)size, local.sun_path);
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX])
{
    switch (address->storage.ss_family) {
    case AF_INET:
        format_v4(address, text);
        return;
    case AF_INET6:
        format_v6(address, text);
        return;
    case AF_UNIX:
        format_unix(address, text);
        return;
    default:
        text_copy(text, ADDRESS_TEXT_MAX, "?:0");
        return;
    }
}

static int address_of(int fd, bool is_peer, struct address *address)
{
    memset(address, 0, sizeof(*address));
    address->size = sizeof(address->storage);
    struct sockaddr *storage = (struct sockaddr *)&address->storage;
    int result = is_peer ? getpeername(fd, storage, &address->size)
                         : getsockname(fd, storage, &address->size);
    if (result == 0)
        return 0;
    int error = errno;
    memset(address, 0, sizeof(*address));
    return -error;
}

int address_peer(int fd, struct address *address)
{
    return address_of(fd, true, address);
}

static bool is_unnamed_unix(const struct address *address)
{
    return address->storage.ss_family == AF_UNIX &&
           address->size <= offsetof(struct sockaddr_un, sun_path);
}

/* Of the two ends of a unix connection only the listener's has a name: it stands for both. */
static void address_text(int fd, bool is_peer, char text[ADDRESS_TEXT_MAX])
{
    struct address address;
    int result = address_of(fd, is_peer, &address);
    if (result == 0 && is_unnamed_unix(&address))
        result = address_of(fd, !is_peer, &address);
    if (result < 0 || is_unnamed_unix(&address))
        text_copy(text, ADDRESS_TEXT_MAX, "?:0");
    else
        address_format(&address, text);
}

void address_of_peer(int fd, char text[ADDRESS_TEXT_MAX])
{
    address_text(fd, true, text);
}

void address_of_local(int fd, char text[ADDRESS_TEXT_MAX])
{
    address_text(fd, false, text);
}

bool address_is_loopback(const struct address *address)
{
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address->storage, sizeof(v4));
        return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &address->storage, sizeof(v6));
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == 127;
        return is_mapped || IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    return address->storage.ss_family == AF_UNIX;
}

/* RFC 6761, 6.3: "localhost" and names below it are the loopback addresses. For systems that
 * resolve nothing (no /etc/hosts: bare containers). Returns how many. */
static int resolve_localhost(const char *host, int port, struct address *addresses, int count_max)
{
    static const char name[] = "localhost";
    size_t size = strlen(host);
    size_t end = sizeof(name) - 1;
    bool is_localhost = size >= end && strcasecmp(host + size - end, name) == 0 &&
                        (size == end || host[size - end - 1] == '.');
    int count = 0;
    if (is_localhost && count < count_max &&
        address_parse("127.0.0.1", port, &addresses[count]) == 0)
        count++;
    if (is_localhost && count < count_max && address_parse("::1", port, &addresses[count]) == 0)
        count++;
    return count;
}

int address_resolve(const char *host, int port, struct address *addresses, int count_max,
                    char *error)
{
    char service[16];
    snprintf(service, sizeof(service), "%d", port);
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(host, service, &hints, &found);
    int count = result != 0 ? resolve_localhost(host, port, addresses, count_max) : 0;
    if (result != 0) {
        snprintf(error, 256, "%.120s", gai_strerror(result));
        return count;
    }
    for (const struct addrinfo *entry = found; entry != NULL && count < count_max;
         entry = entry->ai_next) {
        if (entry->ai_addrlen > sizeof(addresses[count].storage))
            continue;
        memset(&addresses[count], 0, sizeof(addresses[count]));
        memcpy(&addresses[count].storage, entry->ai_addr, entry->ai_addrlen);
        addresses[count].size = entry->ai_addrlen;
        count++;
    }
    freeaddrinfo(found);
    return count;
}
