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

    test "What promtool says of the text" {
        if {[auto_execok promtool] eq ""} { return }
        r get nosuch
        lassign [http_get $port /metrics] status text
        # Redis's own names keep it from being silent about style; errors begin otherwise.
        catch {exec promtool check metrics << $text} said
        assert {![string match "*error while linting*" $said]} $said
        assert {![string match "*parsing error*" $said]} $said
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
    catch {exec timeout 10 [server_program] --port 0 --unixsocket [file join $::work_dir m.sock] --metrics-port $taken} said
    close $listener
    assert_match "*Failed listening on port $taken (metrics-port)*Address already in use*" $said
}
