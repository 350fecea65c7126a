# Configuration from file, arguments, standard input and includes; mistakes in it; CONFIG REWRITE.

proc base_config {} {
    return "bind 127.0.0.1\nport [free_port]\nsave \"\"\n"
}

# A configuration that must be refused: returns the server's output; the exit code must be 1.
proc refused_config {text} {
    set file [file join $::work_dir refused.conf]
    write_file $file [base_config]$text
    lassign [run_server_program [list $file]] code output
    assert_equal 1 $code $output
    return $output
}

test "An unknown directive ends the start with its line" {
    set output [refused_config "# a comment\n\nbogus-directive 1\n"]
    assert_match "*FATAL CONFIG FILE ERROR*" $output
    assert_match "*Reading the configuration file, at line 6*" $output
    assert_match "*>>> 'bogus-directive 1'*" $output
    assert_match "*Bad directive or wrong number of arguments*" $output
}

test "An unknown directive close to a known one brings a suggestion" {
    assert_match "*maxmemory*" [string map {">>> 'maxmemry 1gb'" ""} [refused_config "maxmemry 1gb\n"]]
} {sluice}

test "Wrong values are refused with their reason" {
    assert_match "*argument must be 'yes' or 'no'*" [refused_config "appendonly maybe\n"]
    assert_match "*argument must be between 0 and 65535 inclusive*" [refused_config "port 99999\n"]
    assert_match "*argument(s) must be one of the following*" [refused_config "maxmemory-policy x\n"]
    assert_match "*Unbalanced quotes in configuration line*" [refused_config "logfile \"abc\n"]
    assert_match "*wrong number of arguments*" [refused_config "timeout 1 2\n"]
}

test "A file that is not there ends the start" {
    lassign [run_server_program {/nosuch/file.conf}] code output
    assert_equal 1 $code
    assert_match "*/nosuch/file.conf*No such file or directory*" $output
}

start_server {conf {
    # Later lines win; quotes, comments and case.
    timeout 10
    TIMEOUT 11

    maxmemory-policy "allkeys-lru"
    maxmemory 1GB
        slowlog-max-len   77
    tcp-keepalive '99'
}} {
    test "Comments, case, quotes and repeated directives" {
        assert_equal 11 [lindex [r config get timeout] 1]
        assert_equal allkeys-lru [lindex [r config get maxmemory-policy] 1]
        assert_equal 1073741824 [lindex [r config get maxmemory] 1]
        assert_equal 77 [lindex [r config get slowlog-max-len] 1]
        assert_equal 99 [lindex [r config get tcp-keepalive] 1]
    }

    test "INFO names the configuration file" {
        assert_equal [srv config] [s config_file]
    }
}

start_server {overrides {rename-command "get fetch"} conf "rename-command config \"\"\n"} {
    test "rename-command renames and removes commands" {
        r set k v
        assert_equal v [r fetch k]
        assert_error "ERR unknown command 'get'*" {r get k}
        assert_error "ERR unknown command 'config'*" {r config get *}
    }
}

# Hardened installations take these away; each is served by Redis, and not all of them here yet.
start_server {conf "rename-command EVAL \"\"\nrename-command BGSAVE save-now\nrename-command SLAVEOF \"\"\nrename-command CLUSTER \"\"\nrename-command FLUSHALL \"\"\n" tags sluice} {
    test "rename-command of commands that are not there" {
        foreach name {eval bgsave slaveof cluster flushall} { assert_error "ERR unknown command '$name'*" {r $name} }
        assert {[server_log_contains "*rename-command BGSAVE: this version does not serve it*"]}
        assert {![server_log_contains "*rename-command FLUSHALL*"]}
    }
}

start_server {args {--timeout 33 --save 60 1000 300 10 --maxmemory-policy allkeys-lfu}} {
    test "Arguments win over the file" {
        assert_equal 33 [lindex [r config get timeout] 1]
        assert_equal "60 1000 300 10" [lindex [r config get save] 1]
        assert_equal allkeys-lfu [lindex [r config get maxmemory-policy] 1]
    }
}

start_server {args {--save "" --client-output-buffer-limit "normal 5 6 7" --hz 50}} {
    test "Quoted arguments of several words, and empty ones" {
        assert_equal "" [lindex [r config get save] 1]
        assert_match "normal 5 6 7 *" [lindex [r config get client-output-buffer-limit] 1]
        assert_equal 50 [lindex [r config get hz] 1]
    }
}

# Runs a server with ARGUMENTS and INPUT, and BODY with the port in `port`.
proc with_program {arguments input body} {
    upvar port port
    set dir [new_server_dir]
    set server [spawn_server $dir $arguments $input]
    set problem [await_ready $server]
    set code 0
    if {$problem eq ""} {
        set code [catch {uplevel 1 $body} message options]
    }
    set complaints [stop_server $server]
    file delete -force $dir
    if {$problem ne ""} { fail $problem }
    if {$code} { return -options $options $message }
    if {[llength $complaints] > 0} { fail $complaints }
}

test "Arguments alone, without a file" {
    set port [free_port]
    with_program [list --port $port --bind 127.0.0.1 --timeout 44] "" {
        set c [resp::connect -port $port]
        assert_equal {timeout 44} [$c config get timeout]
        assert_equal {databases 16} [$c config get databases]
        $c close
    }
}

test "Configuration on standard input" {
    set port [free_port]
    with_program {-} "port $port\nbind 127.0.0.1\ntimeout 55\n" {
        set c [resp::connect -port $port]
        assert_equal {timeout 55} [$c config get timeout]
        $c close
    }
}

test "A file, then standard input, then arguments" {
    set port [free_port]
    set file [file join $::work_dir both.conf]
    write_file $file "port 1\nbind 127.0.0.1\ntimeout 1\nhz 20\ndatabases 3\n"
    with_program [list $file --hz 30 -] "port $port\ntimeout 66\n" {
        set c [resp::connect -port $port]
        assert_equal {timeout 66} [$c config get timeout]
        assert_equal {hz 30} [$c config get hz]
        assert_equal {databases 3} [$c config get databases]
        $c close
    }
}

test "include, with a wildcard, in order" {
    set port [free_port]
    set dir [file join $::work_dir includes]
    file mkdir $dir
    write_file $dir/main.conf "include $dir/first.conf\ninclude $dir/more-*.conf\nhz 40\n"
    write_file $dir/first.conf "port $port\nbind 127.0.0.1\ntimeout 1\nhz 20\n"
    write_file $dir/more-1.conf "timeout 2\n"
    write_file $dir/more-2.conf "timeout 3\n"
    with_program [list $dir/main.conf] "" {
        set c [resp::connect -port $port]
        assert_equal {timeout 3} [$c config get timeout]
        assert_equal {hz 40} [$c config get hz]
        $c close
    }
}

test "An include that is not there ends the start" {
    assert_match "*nosuch.conf*" [refused_config "include /nosuch.conf\n"]
}

test "--version and --help" {
    lassign [run_server_program --version] code output
    assert_equal 0 $code
    assert_match "*v=*.*.* sha=*malloc=*bits=64*" $output
    lassign [run_server_program -v] code same
    assert_equal $output $same
    lassign [run_server_program --help] code output
    assert_match "*Usage: *redis-server*" $output
}

test "--check-config accepts a good file and refuses a bad one" {
    set file [file join $::work_dir check.conf]
    write_file $file [base_config]
    lassign [run_server_program [list $file --check-config]] code output
    assert_equal 0 $code $output
    write_file $file "[base_config]bogus 1\n"
    lassign [run_server_program [list $file --check-config]] code output
    assert_equal 1 $code $output
    assert_match "*bogus*" $output
    foreach {line reason} {
        "rename-command FOO BAR" "rename-command FOO: No such command in rename-command"
        "rename-command GET SET" "rename-command GET: Target command name already exists"
        "locale-collate nosuch" "Failed to configure LOCALE for invalid locale name."
    } {
        write_file $file "[base_config]$line\n"
        lassign [run_server_program [list $file --check-config]] code output
        assert_equal [list 1 $reason] [list $code [string trim $output]]
        lassign [run_server_program [list $file]] code output
        assert_equal 1 $code
        assert_match "*# $reason*" $output
    }
} {sluice}

test "--check-config looks at the certificates" {
    set tls [list --port 0 --tls-port 1]
    foreach {name value} [tls_server_settings] { lappend tls --$name $value }
    lassign [run_server_program [concat $tls --check-config]] code output
    assert_equal "0 {configuration OK}" [list $code [string trim $output]]
    lassign [run_server_program [concat $tls [list --tls-cert-file /nosuch.crt --check-config]]] code output
    assert_equal 1 $code
    assert_match "Failed to load certificate: /nosuch.crt*" $output
    lassign [run_server_program [concat $tls [list --tls-ciphersuites NOSUCH --check-config]]] code output
    assert_equal 1 $code
    assert_match "Failed to configure ciphersuites: NOSUCH*" $output
} {sluice built_tls}

test "The stock configuration file of Debian is accepted" {
    set stock /etc/redis/redis.conf
    if {![file readable $stock]} { return }
    set text [read_file $stock]
    set text [regsub -all -line {^(daemonize|pidfile|logfile|dir|supervised|port|unixsocket)\s.*$} $text {}]
    set port [free_port]
    set file [file join $::work_dir stock.conf]
    write_file $file "$text\nport $port\ndir $::work_dir\nsave \"\"\n"
    with_program [list $file] "" {
        set c [resp::connect -port $port]
        assert_equal PONG [$c ping]
        $c close
    }
}

start_server {} {
    test "CONFIG REWRITE writes what was set, keeps comments, and the server starts from it" {
        set f [open [srv config] a]
        puts $f "# keep this comment"
        close $f
        r config set timeout 77 maxmemory-policy allkeys-lru slowlog-max-len 5
        r config set client-output-buffer-limit "pubsub 1mb 2mb 3"
        r config set save "100 20"
        assert_equal OK [r config rewrite]
        set text [read_file [srv config]]
        assert_match "*# keep this comment*" $text
        assert_match "*timeout 77*" $text
        restart_server
        assert_equal {timeout 77} [r config get timeout]
        assert_equal {slowlog-max-len 5} [r config get slowlog-max-len]
        assert_equal {maxmemory-policy allkeys-lru} [r config get maxmemory-policy]
        assert_equal {save {100 20}} [r config get save]
        assert_match "*pubsub 1048576 2097152 3" [lindex [r config get client-output-buffer-limit] 1]
    }

    test "CONFIG REWRITE twice changes nothing more" {
        r config rewrite
        set first [read_file [srv config]]
        r config rewrite
        assert_equal $first [read_file [srv config]]
    } {sluice}

    test "CONFIG REWRITE of values with spaces and special bytes" {
        r config set requirepass "pass word\"'\n\x01"
        r config rewrite
        assert_no_match "*\x01*" [read_file [srv config]]
        r config set requirepass ""
        r config rewrite
        restart_server
        assert_equal PONG [r ping]
    }

    test "CONFIG REWRITE leaves the file's mode" {
        file attributes [srv config] -permissions 0640
        r config rewrite
        assert_equal 00640 [file attributes [srv config] -permissions]
    } {sluice}
}

start_server {} {
    test "DEBUG CONFIG-REWRITE-FORCE-ALL writes every option, and the server starts from it" {
        set before [r config get *]
        assert_equal OK [r debug config-rewrite-force-all]
        set text [read_file [srv config]]
        foreach name {maxmemory-policy active-expire-effort list-compress-depth hz lfu-log-factor} {
            assert_match "*\n$name *" $text
        }
        restart_server
        set after [r config get *]
        dict for {name value} $before { assert_equal $value [dict get $after $name] $name }
        r config rewrite
        assert_equal $text [read_file [srv config]]
    } {command:debug}
}

test "CONFIG REWRITE without a configuration file" {
    set port [free_port]
    with_program [list --port $port --bind 127.0.0.1] "" {
        set c [resp::connect -port $port]
        assert_error "ERR The server is running without a config file" {$c config rewrite}
        $c close
    }
}
