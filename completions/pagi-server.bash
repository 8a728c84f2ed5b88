# Completion of pagi-server for bash. Made by `deno task docs`.

_pagi_server() {
  local word='' option='' app='' words='' before='' typed='' glued='' i
  local -a line=()
  # Bash takes words apart at ":" and "=", which apps and pairs contain.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $glued || ( $i -gt 1 && $word == [:=]* ) ]]; then
      line[${#line[@]} - 1]+=$word
    else
      line[${#line[@]}]=$word
    fi
    glued=
    [[ $word == *[:=] && $word != *[!:=]* ]] && glued=1
  done
  for ((i = 1; i < ${#line[@]} - 1; i++)); do
    word=${line[i]}
    if [[ -n $option ]]; then
      option=
    elif [[ ' -I --lib -a --app -e --eval -M --module --env-file -E --env -c --config --reload-dir --reload-include --lifespan -h --host -p --port --socket --socket-mode --listen -b --listener-backlog --listener_backlog --allowed-hosts --ssl-cert --ssl-key --trusted-proxies --root-path --header -w --workers --max-requests --heartbeat-timeout --channels-backend --pid --user --group -l --loop --max-connections --max-body-size --max-header-size --max-header-count --max-receive-queue --max-ws-frame-size --write-high-watermark --write-low-watermark --timeout --request-timeout --ws-idle-timeout --sse-idle-timeout --lifespan-startup-timeout --shutdown-timeout --shutdown-delay --log-level --log-file --log-format --access-log --access-log-format --metrics --explain -H --explain-header --probe ' == *" $word "* ]]; then
      option=$word
    elif [[ $word != -* && -z $app ]]; then
      app=$word
    fi
  done
  typed=${line[${#line[@]} - 1]}
  if [[ -z $option && $typed == --*=* ]]; then
    option=${typed%%=*}
    before=$option=
  fi
  COMPREPLY=()
  if [[ -n $option ]]; then
    case $option in
      -I|--lib|-a|--app|-M|--module|--env-file|-c|--config|--reload-dir|--socket|--ssl-cert|--ssl-key|--pid|--log-file|--access-log) return ;;
      -E|--env) words='development production none' ;;
      --lifespan) words='auto on off' ;;
      -l|--loop) words='Poll EV Epoll UV Select KQueue' ;;
      --log-level) words='debug info warn error' ;;
      --log-format) words='text json' ;;
      *) compopt +o default 2>/dev/null; return ;;
    esac
  elif [[ $typed == -* ]]; then
    words='-I --lib -a --app -e --eval -M --module --env-file -E --env -c --config --no-config --no-default-middleware --reload --reload-dir --reload-include --lifespan -h --host -p --port --socket --socket-mode --listen -b --listener-backlog --listener_backlog --allowed-hosts --ssl-cert --ssl-key --ssl-self-signed --http2 --proxy-headers --trusted-proxies --root-path --header -w --workers --reuseport --max-requests --heartbeat-timeout --channels-backend -D --daemonize --pid --user --group -l --loop --max-connections --max-body-size --max-header-size --max-header-count --max-receive-queue --max-ws-frame-size --write-high-watermark --write-low-watermark --timeout --request-timeout --ws-idle-timeout --sse-idle-timeout --lifespan-startup-timeout --shutdown-timeout --shutdown-delay --log-level --log-file --log-format --access-log --access-log-format --no-access-log --metrics -q --quiet --open --qr --help -v --version --verbose --check --print-config --explain -H --explain-header --hash-password --probe'
  elif [[ -z $app ]]; then
    words='PAGI::App::Cascade PAGI::App::Directory PAGI::App::File PAGI::App::Healthcheck PAGI::App::NotFound PAGI::App::Proxy PAGI::App::Redirect PAGI::App::SSE::Pubsub PAGI::App::URLMap'
  else
    case $app in
      PAGI::App::Cascade) words='catch= max_replay= auth= auth_file= auth_realm= auth_for=all auth_for=write cors= headers= random_path= expires= log_downloads=1 log_downloads=0' ;;
      PAGI::App::Directory) words='root= index= default_type= handle_ranges=1 handle_ranges=0 precompressed=1 precompressed=0 compress=1 compress=0 cache_control= html_cache_control= charset= etag=stat etag=content clean_urls=1 clean_urls=0 spa=1 spa=0 not_found= show_hidden=1 show_hidden=0 title= sort=name sort=size sort=time zip=1 zip=0 search=1 search=0 readme=1 readme=0 markdown=1 markdown=0 upload=1 upload=0 overwrite=0 overwrite=1 overwrite=rename upload_limit= upload_types= mkdir=1 mkdir=0 rename=1 rename=0 delete=1 delete=0 webdav=1 webdav=0 auth= auth_file= auth_realm= auth_for=all auth_for=write cors= headers= random_path= expires= log_downloads=1 log_downloads=0' ;;
      PAGI::App::File) words='root= index= default_type= handle_ranges=1 handle_ranges=0 precompressed=1 precompressed=0 compress=1 compress=0 cache_control= html_cache_control= charset= etag=stat etag=content clean_urls=1 clean_urls=0 spa=1 spa=0 not_found= auth= auth_file= auth_realm= auth_for=all auth_for=write cors= headers= random_path= expires= log_downloads=1 log_downloads=0' ;;
      PAGI::App::Healthcheck) words='checks= version= auth= auth_file= auth_realm= auth_for=all auth_for=write cors= headers= random_path= expires= log_downloads=1 log_downloads=0' ;;
      PAGI::App::NotFound) words='body= content_type= status= auth= auth_file= auth_realm= auth_for=all auth_for=write cors= headers= random_path= expires= log_downloads=1 log_downloads=0' ;;
      PAGI::App::Proxy) words='target= backend= timeout= connect_timeout= first_byte_timeout= idle_timeout= fail_timeout= headers= remove_headers= preserve_host=1 preserve_host=0 trust_forwarded=1 trust_forwarded=0 ca_cert= verify=1 verify=0 cookie_domain= auth= auth_file= auth_realm= auth_for=all auth_for=write cors= random_path= expires= log_downloads=1 log_downloads=0' ;;
      PAGI::App::Redirect) words='location= to= status=301 status=302 status=303 status=307 status=308 preserve_path=1 preserve_path=0 preserve_query=1 preserve_query=0 auth= auth_file= auth_realm= auth_for=all auth_for=write cors= headers= random_path= expires= log_downloads=1 log_downloads=0' ;;
      PAGI::App::SSE::Pubsub) words='channel= retry= history= auth= auth_file= auth_realm= auth_for=all auth_for=write cors= headers= random_path= expires= log_downloads=1 log_downloads=0' ;;
      PAGI::App::URLMap) words='default= auth= auth_file= auth_realm= auth_for=all auth_for=write cors= headers= random_path= expires= log_downloads=1 log_downloads=0' ;;
    esac
  fi
  # Readline has the part up to the last ":" or "=" already.
  word=${COMP_WORDS[COMP_CWORD]}
  [[ -n $glued ]] && word=
  for i in $words; do
    [[ $before$i == "$typed"* ]] || continue
    i=$before$i
    COMPREPLY[${#COMPREPLY[@]}]=${i#"${typed%"$word"}"}
  done
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
    compopt -o nospace 2>/dev/null
  fi
}

complete -o default -F _pagi_server pagi-server
