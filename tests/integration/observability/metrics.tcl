# metrics-port: figures for Prometheus over HTTP and HTTPS.

# One request on a fresh connection; gives the status line and the body.
proc http_get {port path {method GET} {tls {}}} {
    if {[llength $tls]} {
        set channel [tls::socket {*}$tls 127.0.0.1 $port]
    } else {
        set channel [socket 127.0.0.1 $port]
    }
    fconfigure $channel -translation binary -blocking 1
    puts -nonewline $channel "$method $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    flush $channel
    set status [string trimright [gets $channel]]
    set length 0
    while {[set line [string trimright [gets $channel]]] ne ""} {
        regexp -nocase {^content-length: (\d+)} $line -> length
    }
    # What follows the head of an answer to HEAD would be a body that must not be there.
    set body [expr {$method eq "HEAD" ? [read $channel] : [read $channel $length]}]
    close $channel
    list $status $body
}

proc sample {text name} {
    foreach line [split $text "\n"] {
        if {[string first "$name " $line] == 0} { return [string range $line [string length $name]+1 end] }
    }
    error "no $name"
}

set port [free_port]
start_server [list overrides [list metrics-port $port]] {
    test "Figures of INFO, of commands and of threads" {
        for {set i 0} {$i < 10} {incr i} { r set key:$i x }
        lassign [http_get $port /metrics] status text
        assert_equal "HTTP/1.1 200 OK" $status
        assert_equal 1 [sample $text redis_connected_clients]
        assert_equal 10 [sample $text {redis_db_keys{db="0"}}]
        assert_equal 10 [sample $text {redis_command_calls_total{cmd="set"}}]
        assert_equal 10 [sample $text {redis_command_duration_seconds_count{cmd="set"}}]
        assert_equal 10 [sample $text {redis_command_duration_seconds_bucket{cmd="set",le="+Inf"}}]
        assert {[sample $text {redis_io_thread_turns_total{thread="0"}}] > 0}
        assert_equal 1 [sample $text {redis_text{field="role",value="master"}}]
    }

    test "Every number of INFO is known as a counter or a gauge" {
        r set text [string repeat x 100]
        r lpush list a b
        r config set latency-tracking-info-percentiles "50 99.99"
        catch {r nosuch}
        lassign [http_get $port /metrics] status text
        assert_equal {} [regexp -inline -all {# TYPE \S+ untyped} $text]
        assert_equal 1 [sample $text {redis_keysizes{db="0",of="lists_items",from="2"}}]
        assert_match "*# TYPE redis_used_memory_vm_total gauge*" $text
        assert_match "*# TYPE redis_acl_access_denied_auth_total counter*" $text
        assert_match {*redis_text?field="master_replid2",value="0000*} $text
    }

    test "What promtool says of the text" {
        if {[auto_execok promtool] eq ""} { return }
        r get nosuch
        lassign [http_get $port /metrics] status text
        # Redis's own names keep it from being silent about style; errors begin otherwise.
        catch {exec promtool check metrics << $text} said
        assert {![string match "*error while linting*" $said]} $said
        assert {![string match "*parsing error*" $said]} $said
    }

    test "Prometheus itself scrapes, and knows the figures" {
        if {[auto_execok prometheus] eq ""} { return }
        set folder [new_server_dir]
        set own [free_port]
        write_file $folder/prometheus.yml "global: {scrape_interval: 1s}
scrape_configs: \[{job_name: sluice, static_configs: \[{targets: \['127.0.0.1:$port'\]}\]}\]\n"
        set pid [exec prometheus --config.file=$folder/prometheus.yml --storage.tsdb.path=$folder/data \
            --web.listen-address=127.0.0.1:$own --log.level=error >& $folder/log &]
        note_pid $pid
        foreach query {redis_connected_clients {redis_command_duration_seconds_count{cmd="set"}} up} {
            set path /api/v1/query?query=[string map {\{ %7B \} %7D \" %22 = %3D} $query]
            wait_until 1 30 {
                expr {![catch {http_get $own $path} said] && [string match {*"value":?*,"[1-9]*"]*} $said]}
            }
        }
        kill_process $pid
    }

    test "Each scrape has figures of its own time" {
        for {set i 1} {$i <= 20} {incr i} {
            r incr counter
            lassign [http_get $port /metrics] status text
            assert_equal $i [sample $text {redis_command_calls_total{cmd="incr"}}]
        }
    }

    test "Other paths and methods" {
        assert_equal "HTTP/1.1 200 OK" [lindex [http_get $port /] 0]
        assert_equal "HTTP/1.1 404 Not Found" [lindex [http_get $port /nosuch] 0]
        assert_match "HTTP/1.1 501*" [lindex [http_get $port /metrics POST] 0]
        assert_equal "" [lindex [http_get $port /metrics HEAD] 1]
    }

    test "Connections that say nothing, garbage, or leave do no harm" {
        set idle {}
        for {set i 0} {$i < 50} {incr i} {
            set channel [socket 127.0.0.1 $port]
            fconfigure $channel -translation binary -blocking 0
            if {$i % 3 == 1} { puts -nonewline $channel "GET /metrics HTTP/1.1\r\n\r\n"; flush $channel }
            if {$i % 3 == 2} { puts -nonewline $channel [string repeat "\x00\xff" 9000]; catch {flush $channel} }
            if {$i % 2} { catch {close $channel} } else { lappend idle $channel }
        }
        # Of those that ask at once the seventeenth gets 503.
        wait_until "HTTP/1.1 200 OK" 10 {lindex [http_get $port /metrics] 0}
        assert_equal PONG [r ping]
        foreach channel $idle { catch {close $channel} }
    }
}

# How many of these connections the server has not closed.
proc count_open {channels} {
    set open 0
    foreach channel $channels {
        catch {read $channel}
        if {![eof $channel]} { incr open }
    }
    return $open
}

set port [free_port]
start_server [list overrides [list metrics-port $port]] {
    test "Connections have a limit: those beyond it are closed, those within are served" {
        set idle {}
        for {set i 0} {$i < 80} {incr i} {
            set channel [socket 127.0.0.1 $port]
            fconfigure $channel -translation binary -blocking 0
            lappend idle $channel
        }
        wait_until 64 5 {count_open $idle}
        set first [lindex $idle 0]
        fconfigure $first -blocking 1
        puts -nonewline $first "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        flush $first
        assert_match "HTTP/1.1 200 OK*" [gets $first]
        foreach channel $idle { close $channel }
        wait_until "HTTP/1.1 200 OK" 5 {lindex [http_get $port /metrics] 0}
    }
}

# What a client with these TLS options gets from /metrics: the status, or the error.
proc https_status {port args} {
    if {[catch {lindex [http_get $port /metrics GET $args] 0} said]} { return "error: $said" }
    return $said
}

# The name in the server's certificate.
proc served_name {port args} {
    set channel [tls::socket {*}$args 127.0.0.1 $port]
    fconfigure $channel -blocking 1
    catch {tls::handshake $channel}
    catch {dict get [tls::status $channel] subject} said
    close $channel
    return $said
}

proc client_options {name} {
    list -cafile [certificate ca.crt] -certfile [certificate $name.crt] -keyfile [certificate $name.key]
}

# Without a TLS port the endpoint is the only one that the server has TLS material for.
foreach {kind settings} [list "with a TLS port" {} "without a TLS port" [list port [free_port] tls-port 0]] {
    set port [free_port]
    set list [file join [new_server_dir] metrics.crl]
    file copy [certificate ca.crl] $list
    start_server [list overrides [list metrics-port $port metrics-tls yes tls-crl-file $list {*}$settings]] {
        package require tls
        test "Metrics over TLS refuse a revoked client, $kind" {
            assert_equal "HTTP/1.1 200 OK" [https_status $port {*}[client_options client]]
            assert_no_match "HTTP*200*" [https_status $port {*}[client_options revoked]]
        }

        test "Metrics over TLS follow CONFIG SET, $kind" {
            r config set tls-crl-file ""
            wait_until "HTTP/1.1 200 OK" 5 {https_status $port {*}[client_options revoked]}
            r config set tls-auth-clients no
            wait_until "HTTP/1.1 200 OK" 5 {https_status $port -cafile [certificate ca.crt]}
            r config set tls-cert-file [certificate server2.crt] tls-key-file [certificate server2.key]
            wait_until 1 5 {string match "*server2*" [served_name $port -cafile [certificate ca.crt]]}
            r config set tls-protocols TLSv1.2
            wait_until 1 5 {string match "error*" [https_status $port -cafile [certificate ca.crt] -tls1.2 0 -tls1.3 1]}
            assert_equal "HTTP/1.1 200 OK" [https_status $port -cafile [certificate ca.crt] -tls1.2 1]
        }
    }
}

set port [free_port]
set folder [new_server_dir]
foreach part {crt key} { file copy [certificate server.$part] [file join $folder live.$part] }
start_server [list overrides [list metrics-port $port metrics-tls yes tls-auto-reload-interval 1 tls-auth-clients no \
    tls-cert-file [file join $folder live.crt] tls-key-file [file join $folder live.key]]] {
    test "Metrics over TLS follow the files, and keep what they have while those are no good" {
        set ca [list -cafile [certificate ca.crt]]
        write_file [file join $folder live.crt] "no certificate"
        wait_until 1 10 {string match "*Metrics keep the TLS materials*" [read_file [srv log]]}
        assert_equal "HTTP/1.1 200 OK" [https_status $port {*}$ca]
        foreach part {key crt} { file copy -force [certificate server2.$part] [file join $folder live.$part] }
        wait_until 1 10 {string match "*server2*" [served_name $port {*}$ca]}
    }
}

set port [free_port]
start_server [list overrides [list metrics-port $port metrics-tls yes {*}[tls_server_settings]] tags built_tls] {
    test "Figures over TLS need the client's certificate" {
        package require tls
        set certs [dict create {*}[tls_server_settings]]
        set ca [dict get $certs tls-ca-cert-file]
        set with [list -cafile $ca -certfile [dict get $certs tls-cert-file] -keyfile [dict get $certs tls-key-file]]
        assert_equal "HTTP/1.1 200 OK" [lindex [http_get $port /metrics GET $with] 0]
        assert {[catch {http_get $port /metrics GET [list -cafile $ca]} said] || [lindex $said 0] eq ""}
        assert {[catch {http_get $port /metrics} said] || [lindex $said 0] eq ""}
        assert_equal PONG [r ping]
    }
}

test "A port that is taken: the reason, and no server" {
    set listener [socket -server {apply {{args} {}}} -myaddr 127.0.0.1 0]
    set taken [lindex [fconfigure $listener -sockname] 2]
    catch {exec timeout 60 [server_program] --port 0 --unixsocket [file join $::work_dir m.sock] --metrics-port $taken} said
    close $listener
    assert_match "*Failed listening on port $taken (metrics-port)*Address already in use*" $said
}
