{{- define "qvdhouse.selector" -}}
app.kubernetes.io/name: qvdhouse
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "qvdhouse.labels" -}}
{{ include "qvdhouse.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "qvdhouse.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default (printf "%s%s" .Chart.AppVersion (ternary "-slim" "" (ne .Values.clickhouse.host ""))) }}
{{- end }}

{{- define "qvdhouse.serves" -}}
{{- if ne .Values.mode "job" }}true{{ end }}
{{- end }}

{{- /* Mistakes that a schema cannot see: each is named, with its fix. */ -}}
{{- define "qvdhouse.check" -}}
{{- if and (eq .Values.mode "workers") (eq .Values.clickhouse.host "") }}
{{- fail "mode \"workers\" needs clickhouse.host: an embedded ClickHouse is one pod's alone" }}
{{- end }}
{{- if and (include "qvdhouse.serves" .) (eq .Values.tokenSecret.name "") }}
{{- fail (printf "mode %q needs tokenSecret.name, an existing Secret: other pods reach the service (kubectl create secret generic qvdhouse --from-literal=token=$(openssl rand -hex 24))" .Values.mode) }}
{{- end }}
{{- if and (ne .Values.mode "workers") (eq .Values.clickhouse.host "") (not .Values.persistence.enabled) }}
{{- fail "persistence.enabled is false and there is no clickhouse.host: the tables would be gone with the pod" }}
{{- end }}
{{- end }}

{{- define "qvdhouse.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.serviceAccount.name }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
containers:
  - name: qvdhouse
    image: {{ include "qvdhouse.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args: [{{ ternary "serve" "sync" (ne .Values.mode "job") }}, --config, /etc/qvdhouse/qvdhouse.toml]
    securityContext:
      readOnlyRootFilesystem: true
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
    env:
      {{- with .Values.clickhouse.host }}
      - {name: CLICKHOUSE_HOST, value: {{ . | quote }}}
      - {name: CLICKHOUSE_USER, value: {{ $.Values.clickhouse.user | quote }}}
      {{- with $.Values.clickhouse.port }}
      - {name: CLICKHOUSE_PORT, value: {{ . | quote }}}
      {{- end }}
      {{- with $.Values.clickhouse.passwordSecret.name }}
      - {name: CLICKHOUSE_PASSWORD_FILE, value: /etc/qvdhouse-secrets/clickhouse/{{ $.Values.clickhouse.passwordSecret.key }}}
      {{- end }}
      {{- end }}
      {{- with .Values.clickhouse.database }}
      - {name: CLICKHOUSE_DB, value: {{ . | quote }}}
      {{- end }}
      {{- with .Values.clickhouse.tablePrefix }}
      - {name: QVD_TABLE_PREFIX, value: {{ . | quote }}}
      {{- end }}
      {{- if include "qvdhouse.serves" . }}
      - {name: QVD_TOKEN_FILE, value: /etc/qvdhouse-secrets/token/{{ .Values.tokenSecret.key }}}
      {{- end }}
      {{- with .Values.env }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with .Values.secretEnv }}
    envFrom:
      {{- range . }}
      - secretRef: {name: {{ . }}}
      {{- end }}
    {{- end }}
    {{- if include "qvdhouse.serves" . }}
    ports: [{name: http, containerPort: 4000}]
    startupProbe: {httpGet: {path: /health, port: http}, periodSeconds: 2, failureThreshold: 60}
    livenessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 20, timeoutSeconds: 5}
    readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 10, timeoutSeconds: 5}
    {{- end }}
    resources: {{ toJson .Values.resources }}
    volumeMounts:
      - {name: config, mountPath: /etc/qvdhouse}
      - {name: data, mountPath: /data}
      - {name: tmp, mountPath: /tmp}
      {{- if and .Values.clickhouse.host .Values.clickhouse.passwordSecret.name }}
      - {name: clickhouse, mountPath: /etc/qvdhouse-secrets/clickhouse, readOnly: true}
      {{- end }}
      {{- if include "qvdhouse.serves" . }}
      - {name: token, mountPath: /etc/qvdhouse-secrets/token, readOnly: true}
      {{- end }}
      {{- with .Values.volumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toJson . }}
{{- end }}
volumes:
  - {name: config, configMap: {name: {{ .Release.Name }}-config}}
  - {name: tmp, emptyDir: {}}
  {{- if and .Values.clickhouse.host .Values.clickhouse.passwordSecret.name }}
  - {name: clickhouse, secret: {secretName: {{ .Values.clickhouse.passwordSecret.name }}, defaultMode: 0440}}
  {{- end }}
  {{- if include "qvdhouse.serves" . }}
  - {name: token, secret: {secretName: {{ .Values.tokenSecret.name }}, defaultMode: 0440}}
  {{- end }}
  {{- if not .Values.persistence.enabled }}
  - {name: data, emptyDir: {}}
  {{- else if eq .Values.mode "job" }}
  - {name: data, persistentVolumeClaim: {claimName: {{ .Release.Name }}-data}}
  {{- else if eq .Values.mode "workers" }}
  - {name: data, emptyDir: {}}
  {{- end }}
  {{- with .Values.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "qvdhouse.podMetadata" -}}
labels:
  {{- include "qvdhouse.labels" . | nindent 2 }}
annotations:
  checksum/config: {{ .Values.config | sha256sum }}
  {{- with .Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "qvdhouse.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.persistence.storageClass }}
storageClassName: {{ . }}
{{- end }}
resources: {requests: {storage: {{ .Values.persistence.size }}}}
{{- end }}
