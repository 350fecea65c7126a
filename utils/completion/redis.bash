# Completion for redis-cli, redis-server and redis-benchmark in bash. Flags come from the programs'
# own --help, commands from the server that the line names, when it answers at once.

_redis_flags() {
    "$1" --help 2>/dev/null | sed -n 's/^ \{1,2\}\(-[^ ,]*\).*/\1/p' | sort -u
}

# Puts the words that say which server is meant into `target`, and the command in front of the word in
# hand into `command`. Bash's own words end at colons, so the line is looked at.
_redis_look() {
    local words i valued
    words=("${COMP_WORDS[@]:0:COMP_CWORD}")
    if [[ -n ${COMP_LINE-} ]]; then
        read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
        [[ ${COMP_LINE:COMP_POINT-1:1} == ' ' ]] || unset 'words[-1]'
    fi
    valued=$'\n'$("$1" --help 2>/dev/null | sed -n 's/^ \{1,2\}\(-[^ ,]*\) <.*/\1/p')$'\n'
    target=()
    command=()
    for ((i = 1; i < ${#words[@]}; i++)); do
        case ${words[i]} in
        -h | -p | -s | -u | -a | --pass | --user | --pass-file | --cacert | --cacertdir | --cert | --key | --sni)
            target+=("${words[i]}" "${words[i + 1]-}")
            ((i++))
            ;;
        --tls | --insecure) target+=("${words[i]}") ;;
        -*) [[ $valued != *$'\n'"${words[i]}"$'\n'* ]] || ((i++)) ;;
        *)
            command=("${words[@]:i}")
            return
            ;;
        esac
    done
}

# Commands, or what is behind one that has subcommands.
_redis_commands() {
    local target command
    _redis_look "${COMP_WORDS[0]}"
    local question=(command list)
    case ${#command[@]} in
    0) ;;
    1) question+=(filterby pattern "${command[0],,}|*") ;;
    *) return ;;
    esac
    timeout 1 "${COMP_WORDS[0]}" "${target[@]}" -t 0.5 --raw "${question[@]}" 2>/dev/null </dev/null |
        if [[ ${#command[@]} -eq 0 ]]; then grep -v '|'; else sed -n 's/^[^|]*|//p'; fi
}

_redis_cli() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $previous in
    --cacert | --cert | --key | --pass-file | --key-pass-file | --eval | -s | --rdb | --functions-rdb)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --cacertdir)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    -h)
        mapfile -t COMPREPLY < <(compgen -A hostname -- "$current")
        return
        ;;
    --show-pushes)
        mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current")
        return
        ;;
    -p | -t | -a | --pass | --user | --sni | -u | -n | -r | -i | -d | -D | -X | --pattern | \
        --quoted-pattern | --count | --cursor | --memkeys-samples | --keystats-samples | \
        --lru-test | --intrinsic-latency | --pipe-timeout | --tls-ciphers | --tls-ciphersuites | \
        --tls-groups)
        return
        ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_redis_flags "${COMP_WORDS[0]}")" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(_redis_commands)" -- "${current,,}")
    fi
}

_redis_server() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local directives='--port --tls-port --bind --unixsocket --dir --dbfilename --save --appendonly
        --appendfsync --daemonize --pidfile --logfile --loglevel --databases --maxclients
        --maxmemory --maxmemory-policy --requirepass --aclfile --replicaof --masterauth
        --protected-mode --timeout --tcp-keepalive --io-threads --tls-cert-file --tls-key-file
        --tls-key-file-pass --tls-ca-cert-file --tls-ca-cert-dir --tls-crl-file --tls-auth-clients
        --tls-auth-clients-user --tls-protocols --tls-ciphers --tls-ciphersuites --tls-groups
        --tls-session-caching --tls-replication --tls-cluster --cluster-enabled --check-config
        --version --help'
    case $previous in
    --tls-cert-file | --tls-key-file | --tls-ca-cert-file | --tls-crl-file | --aclfile | --logfile | \
        --pidfile | --unixsocket | --dir | --tls-ca-cert-dir)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --appendonly | --daemonize | --protected-mode | --tls-replication | --tls-cluster)
        mapfile -t COMPREPLY < <(compgen -W 'yes no' -- "$current")
        return
        ;;
    --tls-auth-clients)
        mapfile -t COMPREPLY < <(compgen -W 'yes no optional' -- "$current")
        return
        ;;
    --loglevel)
        mapfile -t COMPREPLY < <(compgen -W 'debug verbose notice warning nothing' -- "$current")
        return
        ;;
    --maxmemory-policy)
        mapfile -t COMPREPLY < <(compgen -W 'noeviction allkeys-lru allkeys-lfu allkeys-random
            volatile-lru volatile-lfu volatile-random volatile-ttl' -- "$current")
        return
        ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$directives" -- "$current")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

_redis_benchmark() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $previous in
    --cacert | --cert | --key | -s | --json | --hdr)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    -t)
        mapfile -t COMPREPLY < <(compgen -W 'ping set get incr lpush rpush lpop rpop sadd hset spop
            zadd zpopmin lrange mset' -- "$current")
        return
        ;;
    --key-pattern)
        mapfile -t COMPREPLY < <(compgen -W 'random sequential gaussian' -- "$current")
        return
        ;;
    --handshakes)
        mapfile -t COMPREPLY < <(compgen -W 'full resumed' -- "$current")
        [[ ${#COMPREPLY[@]} -eq 0 ]] || return
        ;;
    esac
    [[ $current != -* ]] ||
        mapfile -t COMPREPLY < <(compgen -W "$(_redis_flags "${COMP_WORDS[0]}")" -- "$current")
}

complete -F _redis_cli redis-cli
complete -F _redis_server redis-server
complete -F _redis_benchmark redis-benchmark
