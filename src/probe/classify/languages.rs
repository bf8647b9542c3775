//! Other languages than English. What PostgreSQL and glibc say stands in the catalogues of their messages
//! (`translations.txt`): it means what the English message means. What MySQL, Windows and older versions say stands
//! here, as families of wording, in German, French, Spanish, Portuguese, Italian, Russian, Polish, Turkish, Dutch,
//! Chinese, Japanese and Korean.

use std::sync::LazyLock;

use super::{
    Found,
    families::{self, Family, Speakers, families},
    text::Words,
};
use crate::{connections::Provider, probe::Cause};

/// A translated message, and what the English one means.
type Translation = (Words, Found);

/// What the first message of the catalogues that stands in the text means.
pub(super) fn translated(words: &Words) -> Option<Found> {
    static CATALOGUE: LazyLock<Vec<Translation>> = LazyLock::new(catalogue);

    CATALOGUE.iter().find(|(wording, _)| words.says(wording.as_str())).map(|(_, found)| found.clone())
}

fn catalogue() -> Vec<Translation> {
    let speakers = Speakers::of(&[Provider::PostgreSql]);
    let mut means = None;
    let lines = include_str!("translations.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            if let Some(english) = line.strip_prefix('\t') {
                means = families::judge(&Words::new(english), &speakers);
                return None;
            }
            Some((Words::new(line), means.clone()?))
        })
        .collect()
}

/// Wordings that name the root cause.
pub(super) const TELLING: &[Family] = families! {
    DiskFull []: "kein speicherplatz mehr", "aucun espace disponible", "no queda espacio", "não há espaço disponível",
        "spazio esaurito", "не осталось свободного места", "no hay espacio", "设备上没有空间", "磁盘空间不足",
        "空き領域がありません", "空间不足", "brak miejsca na urządzeniu", "장치에 남은 공간";
    AccessRuleDenied [TlsRequired]: "pg_hba.conf * verschlüsselung", "pg_hba.conf * ssl aus",
        "pg_hba.conf * ssl inactif", "pg_hba.conf * chiffrement", "pg_hba.conf * cifrad",
        "pg_hba.conf * ssl inactivo", "pg_hba.conf * ssl desabilitado", "pg_hba.conf * cifratura",
        "pg_hba.conf * шифрован", "pg_hba.conf * ssl выкл", "ssl 关闭 * pg_hba.conf", "无加密 * pg_hba.conf",
        "没有加密 * pg_hba.conf", "ssl オフ * pg_hba.conf", "暗号化なし * pg_hba.conf", "非暗号化 * pg_hba.conf",
        "ssl выкл", "нет шифрования";
    AuthMethodUnsupported [AccessRuleDenied AuthUnknownUser AuthWrongPassword]: "peer-authentifizierung",
        "authentification peer", "peer authentication * échou", "autentificación peer", "autenticação peer",
        "autenticação do tipo peer", "autenticazione peer", "подлинности (peer)", "peer认证", "peer 认证", "对等认证",
        "(peer)認証", "peer認証", "l'authentification peer", "autoryzacja peer", "peer 인증",
        "autenticação do tipo ident", "ident-authentifizierung", "authentification ident", "autentificación ident",
        "ident认证", "ident 认证", "подлинности (ident)";
    // As the JDBC driver of PostgreSQL says it; it goes on about pg_hba.conf.
    AuthMethodUnsupported []: "authentifizierungstyp", "type d'authentification", "tipo de autenticación",
        "autenticazione di tipo", "tipo de autenticação * suportado", "тип аутентификации", "验证类型", "驗證型別",
        "認証タイプ", "uwierzytelnienie typu", "yetkinlendirme tipi";
    AuthWrongPassword []: "passwort-authentifizierung", "authentification par mot de passe",
        "authentification password", "autentificación password", "autentificación por contraseña",
        "autenticación por contraseña", "autenticação por senha", "autenticação do tipo senha",
        "autenticação de senha", "autenticação do tipo password", "autenticazione con password",
        "autenticazione fallita", "autenticazione tramite password", "подлинности (по паролю)",
        "не прошёл проверку подлинности", "password 认证失败", "密码认证失败", "password认证失败", "密碼驗證失敗",
        "パスワード認証に失敗", "password 인증을 실패", "암호 인증", "비밀번호 인증", "şifre doğrulaması",
        "parola doğrulaması", "autoryzacja hasłem", "autentizace heslem", "автентифікацію за паролем", "парол * не прош", "用户 * 认证失败", "wachtwoordauthenticatie",
        "password authentication * fehlgeschlagen", "accès refusé pour l'utilisateur * mot de passe",
        "acceso negado para usuario * clave", "acceso denegado para el usuario * contraseña",
        "acesso negado para o usuário * senha", "accesso non consentito per l'utente * password",
        "доступ закрыт (был использован", "доступ закрыт * пароль", "benutzer * hat keine zugriffsberechtigung",
        "zugriff verweigert * passwort", "benutzer * passwort verwendet", "toegang geweigerd * wachtwoord",
        "用户 * 访问被拒绝", "ユーザー * アクセスを拒否";
    AccessRuleDenied []: "kein pg_hba.conf", "entrée dans pg_hba.conf", "entrée * pg_hba.conf",
        "línea en pg_hba.conf", "entrada * pg_hba.conf", "voce * pg_hba.conf", "pg_hba.conf нет записи",
        "нет записи * pg_hba.conf", "pg_hba.conf 记录", "的 pg_hba.conf", "pg_hba.confにありません",
        "pg_hba.conf にありません", "pg_hba.conf * エントリ", "pg_hba.conf 파일에", "wpisu * pg_hba.conf",
        "pg_hba.conf * yok", "pg_hba.conf * rifiuta", "pg_hba.conf * rejette", "pg_hba.conf * rechaza",
        "pg_hba.conf * rejeita", "n'est pas autoris", "no está permitido para conectar",
        "não tem permissão para se conectar", "не разрешается подключаться", "non e' consentito",
        "nicht gestattet, sich mit", "keine berechtigung, sich mit diesem";
    HostBlocked []: "está bloqueado por muchos errores", "est bloqué à cause", "blockiert wegen",
        "заблокирован из-за";
    DatabaseNotFound []: "datenbank * existiert nicht", "base de données * n'existe pas",
        "no existe la base de datos", "base de datos * no existe", "banco de dados * não existe",
        "database * non esiste", "база данных * не существует", "数据库 * 不存在", "資料庫 * 不存在",
        "データベース * 存在しません", "데이터베이스 없음", "데이터베이스가 없", "baza danych * nie istnieje",
        "veritabanı * mevcut değil", "database * bestaat niet", "unbekannte datenbank", "base * inconnue",
        "base de datos desconocida", "banco de dados * desconhecido", "database * sconosciuto",
        "неизвестная база данных", "onbekende database";
    AuthUnknownUser []: "rolle * existiert nicht", "rôle * n'existe pas", "no existe el rol", "rol * no existe",
        "role * não existe", "papel * não existe", "ruolo * non esiste", "роль * не существует", "角色 * 不存在",
        "用户 * 不存在", "ロール * 存在しません", "롤(role) 없음", "롤 * 없음", "rola * nie istnieje",
        "rolü mevcut değil";
    TooManyConnections []: "schon zu viele verbindungen", "zu viele verbindungen", "trop de clients",
        "trop de connexions", "emplacements de connexion", "demasiados clientes", "demasiadas conexiones",
        "conexiones restantes", "muitos clientes", "excesso de conex", "muitas conex", "troppi client",
        "troppe connessioni", "уже слишком много клиентов", "слишком много соединений",
        "слоты подключений зарезервированы", "restlichen verbindungen", "übrigen verbindungsslots",
        "verbleibende verbindungs", "太多的客户", "太多的客戶", "保留的连接位置", "连接数过多", "连接过多",
        "クライアント数が多すぎます", "残りの接続枠", "동시 접속자", "접속자 수", "te veel verbindingen",
        "zbyt wiele połączeń", "zbyt wielu klientów", "çok fazla bağlantı", "çok fazla istemci";
    ServerShuttingDown []: "anweisung des administrators", "demande de l'administrateur",
        "commande de l'administrateur", "orden del administrador", "comando do administrador",
        "comando dell'amministratore", "команде администратора", "管理员命令", "管理者コマンド", "관리자 요청",
        "datenbanksystem fährt herunter", "base de données s'arrête", "base de données est en cours d'arrêt",
        "base de datos está apag", "bases de datos está apag", "está em processo de desligamento",
        "баз данных останавливается", "数据库系统正在关闭", "データベースシステムはシャットダウン",
        "polecenia administratora";
    ServerStartingUp []: "datenbanksystem startet", "datenbanksystem fährt hoch", "base de données se lance",
        "base de données démarre", "base de datos está inici", "bases de datos está inici",
        "banco de dados está iniciando", "sistema di database si sta avviando", "баз данных запускается",
        "数据库系统启动", "数据库系统正在启动", "データベースシステムは起動", "データベース・システムは起動",
        "wiederherstellungsmodus", "mode de restauration", "modo de recuperación", "modo de recuperação",
        "режиме восстановления", "恢复模式", "リカバリモード", "veritabanı sistemi başl";
    NotPrimary []: "read-only-transaktion", "nur-lese-transaktion", "transaction en lecture seule",
        "transacción de sólo lectura", "transacción de solo lectura", "transação somente leitura",
        "transação de somente leitura", "transazione di sola lettura", "транзакции \"только чтение\"",
        "транзакции только", "只读事务", "读写事务", "リードオンリーのトランザクション", "読み取り専用";
    StatementTimeout []: "zeitüberschreitung der anfrage", "anfrage wegen zeit", "dépassement du délai d'exécution",
        "límite de tiempo de la sentencia", "tempo de espera da instrução", "таймаута команды", "语句超时", "查询超时", "ステートメントのタイムアウト", "annulation de la requête", "cancelando la sentencia",
        "cancelando comando", "выполнение оператора отменено";
    TlsNotSupported []: "unterstützt kein ssl", "ne supporte pas ssl", "ne prend pas en charge ssl", "no soporta ssl",
        "não suporta ssl", "non supporta ssl", "не поддерживает ssl", "不支持 ssl", "不支持ssl", "sslをサポート",
        "sslをサポートしていません";
    TlsCertUntrusted []: "zertifikatkette * nicht vertrau", "nicht vertrauenswürdig", "autorité * pas approuvée",
        "entidad * no es de confianza", "autoridade * não é confiável", "не имеет доверия", "не является доверенн",
        "不受信任的颁发机构", "信任的颁发机构", "信頼されていない", "신뢰되지 않은", "remotezertifikat * ungültig",
        "certificat distant n'est pas valide", "certificado remoto no es válido",
        "удаленный сертификат недействителен", "远程证书无效", "根据验证过程", "リモート証明書", "sertyfikat zdalny";
    TlsProtocolMismatch [TlsNotSupported]: "接收到的消息异常", "收到的消息异常", "nachricht * unerwartet oder",
        "message * inattendu", "mensaje recibido * inesperado", "mensagem recebida * inesperada",
        "сообщение * неправильн", "形式が正しくありません", "受信したメッセージは予期";
    CredentialsMissing []: "kein passwort angegeben", "aucun mot de passe", "no se ha proporcionado * contraseña",
        "no se proporcionó * contraseña", "nenhuma senha", "nessuna password", "не указан пароль", "пароль не указан",
        "没有提供口令", "没有提供密码", "パスワードが指定されていません", "パスワードが渡されていません";
    PermissionDenied []: "keine berechtigung für", "droit refusé pour", "permission refusée", "permiso denegado",
        "permissão negada", "permesso negato", "нет доступа к", "нет прав", "对 * 权限不够", "权限不够", "權限不足",
        "アクセスが拒否されました", "の権限がありません", "접근 권한 없음", "odmowa dostępu do", "erişim engellendi",
        "zugriff verweigert * datenbank", "accès refusé pour l'utilisateur * base";
    AuthWrongPassword [AccessRuleDenied]: "accès refusé pour l'utilisateur", "acceso negado para usuario",
        "acceso denegado para usuario", "acesso negado para o usuário", "accesso non consentito", "доступ закрыт",
        "toegang geweigerd", "zugriff verweigert für benutzer";
    HostUnreachable []: "netzwerk inaktiv", "réseau inactif", "red inactiva", "rede inativa", "сеть отключена";
    DnsNotFound []: "hostname * nicht in adresse übersetzen", "hostnamen * nicht in adresse",
        "traduire le nom d'hôte", "traducir el nombre", "traduzir nome", "traduzir o nome", "tradurre il nome host",
        "преобразовать имя", "перевести имя", "无法解释主机名", "无法转换主机名", "无法将主机名", "主机名 * 翻译",
        "ホスト名 * 変換", "アドレスに変換", "호스트 이름을", "name oder der dienst ist nicht bekannt",
        "name oder dienst nicht bekannt", "nom ou service inconnu", "nombre o servicio desconocido",
        "nome ou serviço desconhecido", "nome o servizio sconosciuto", "имя или служба не известны",
        "未知的名称或服务", "名前またはサービスが不明", "temporärer fehler bei der namensauflösung",
        "temporärer fehler in der namensauflösung", "échec temporaire dans la résolution",
        "fallo temporal en la resolución", "falha temporária na resolução", "временный сбой в разрешении",
        "名前解決に一時的に失敗", "域名解析", "暂时性的", "host ist unbekannt", "solcher host bekannt",
        "hôte inconnu", "host desconocido", "este host não é conhecido", "host não é conhecido", "host sconosciuto",
        "этот хост неизвестен", "хост неизвестен", "不知道这样的主机", "无法识别这台主机", "そのようなホストは不明",
        "알려진 호스트가 없습니다", "nieznany host", "bilinen böyle bir ana bilgisayar yok", "onbekende host",
        "host onbekend";
};

/// What the network did.
pub(super) const GENERAL: &[Family] = families! {
    ConnectTimeout []: "gegenstelle nach einer bestimmten zeitspanne", "n'a pas répondu convenablement",
        "no respondió adecuadamente", "não respondeu corretamente", "risposta non corretta della parte connessa",
        "за требуемое время не получен нужный отклик", "没有正确答复", "没有反应", "沒有正確回應",
        "正しく応答しなかった", "응답이 없어 연결하지 못했거나", "nie odpowiedziała poprawnie",
        "düzgün yanıt vermediğinden", "niet juist heeft gereageerd", "niet correct heeft geantwoord",
        "wartezeit für die verbindung ist abgelaufen", "zeitüberschreitung bei der verbindung",
        "expiration du délai d'attente", "délai d'attente * connexion", "expiró el tiempo de conexión",
        "tiempo de espera * conexión", "tempo esgotado para conexão", "tempo limite * conexão", "connessione scaduta",
        "время ожидания соединения истекло", "тайм-аут подключения", "连接超时", "連線逾時", "接続がタイムアウト",
        "연결 시간 초과", "limit czasu", "bağlantı zaman aşımı", "zeitüberschreitung";
    ConnectionRefused []: "zielcomputer die verbindung verweigerte", "ordinateur cible l'a expressément refusée",
        "denegó expresamente", "recusou ativamente", "recusaram ativamente", "as recusou ativamente",
        "rifiuto persistente", "отверг запрос на подключение", "积极拒绝", "積極拒絕",
        "拒否されたため、接続できません", "연결을 거부했으므로", "aktywnie go odmawia", "etkin olarak reddettiğinden",
        "actief heeft geweigerd", "verbindungsaufbau abgelehnt", "verbindung zu * verweigert", "verbindung verweigert", "connexion refusée",
        "conexión rehusada", "conexión rechazada", "conexão recusada", "ligação recusada", "connessione rifiutata",
        "rifiutata la connessione", "в соединении отказано", "соединение отклонено", "拒绝连接", "连接被拒绝",
        "連線遭拒", "接続を拒否", "接続が拒否", "연결이 거부됨", "연결을 거부", "połączenie odrzucone",
        "bağlantı reddedildi", "verbinding is geweigerd", "läuft der server", "le serveur est-il actif",
        "est-ce que le serveur", "está el servidor en ejecución", "servidor está em execução",
        "il server è in esecuzione", "сервер действительно работает", "服务器是否在";
    HostUnreachable []: "keine route zum zielrechner", "netzwerk ist nicht erreichbar", "nicht verfügbaren host",
        "nicht verfügbares netzwerk", "aucun chemin d'accès pour atteindre l'hôte", "aucun chemin * hôte",
        "réseau n'est pas accessible", "hôte inaccessible", "ninguna ruta hasta", "red es inaccesible",
        "red no accesible", "não há rota para", "sem rota para", "rede está fora de alcance", "nessun instradamento",
        "rete non raggiungibile", "нет маршрута до", "сеть недоступна", "недоступен узел", "недоступный узел",
        "没有到主机的路由", "网络不可达", "无法访问的主机", "ホストへの経路がありません",
        "ネットワークに到達できません", "到達できないホスト", "경로가 없습니다", "brak trasy do hosta";
    ConnectionReset [IdleConnectionClosed]: "remotehost geschlossen", "kommunikationspartner zurückgesetzt",
        "hôte distant", "ré-initialisée par le correspondant", "réinitialisée par le correspondant",
        "por el host remoto", "por la máquina remota", "pelo host remoto", "fechada pela outra ponta",
        "dall'host remoto", "соединение разорвано другой стороной", "принудительно разорвал", "连接被对方重设",
        "连接被对端重置", "強制的に切断", "相手からリセット", "원격 호스트에 의해 강제로", "远程主机强迫关闭",
        "遠端主機已強制關閉", "wymuszone przez zdalnego hosta", "uzak bir ana bilgisayar tarafından",
        "verbindung unerwartet", "fermé la connexion de façon inattendue", "fermé la connexion de manière inattendue",
        "cerró la conexión inesperadamente", "fechou a conexão inesperadamente",
        "chiuso la connessione inaspettatamente", "неожиданно закрыл соединение", "服务器意外地关闭",
        "意外关闭了连接", "予期せず", "připojení";
    // As the JDBC driver of PostgreSQL translates "The connection attempt failed."
    Unreachable [ConnectionRefused ConnectTimeout]: "verbindungsversuch schlug fehl", "tentative de connexion a échoué",
        "intento de conexión falló", "tentativa de conexão falhou", "tentativo di connessione è fallito",
        "попытка соединения не удалась", "ошибка при попытке подсоединения", "próba nawiązania połączenia",
        "尝试连线已失败", "尝试连接失败", "接続試行は失敗", "数据库连接失败", "连接失败", "連線失敗";
    // In a language that is not here, the name of the file says enough.
    AccessRuleDenied []: "pg_hba.conf";
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::classify::{Evidence, classify};

    #[test]
    fn a_translation_means_what_the_english_message_means() {
        let mut english = "";
        let (mut right, mut all, mut wrong) = (0_usize, 0_usize, Vec::new());
        for line in include_str!("translations.txt").lines().filter(|line| !line.starts_with('#')) {
            if let Some(message) = line.strip_prefix('\t') {
                english = message;
                continue;
            }
            let cause = |text| {
                let provider = Some(Provider::PostgreSql);
                classify(&Evidence { provider, text, ..Evidence::default() }).cause
            };
            assert_ne!(cause(english), Cause::Unknown, "{english}");
            all += 1;
            if cause(&line.replace('*', "app")) == cause(english) {
                right += 1;
            } else {
                wrong.push((english, line));
            }
        }
        assert!(all > 1_000, "{all} translations");
        assert!(right * 100 >= all * 99, "{right} of {all}: {wrong:#?}");
    }
}
