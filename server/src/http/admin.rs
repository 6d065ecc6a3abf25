//! The admin plane: knowledge bases, API keys, permissions.

use super::App;
use super::extract::{Admin, Body, Path, Reader};
use crate::error::{ApiError, ApiResult};
use crate::metadata::check_text;
use crate::store::{KeyRecord, KnowledgeBase, Permission, PermissionRecord};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    name: String,
    #[serde(default)]
    description: String,
}

impl Named {
    fn check(&self) -> ApiResult<()> {
        if self.name.trim().is_empty() {
            return Err(ApiError::invalid("name must not be empty"));
        }
        check_text("name", &self.name)?;
        check_text("description", &self.description)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPermission {
    permission: i64,
}

pub async fn knowledge_bases(State(app): State<App>, Reader(principal): Reader) -> ApiResult<Json<Vec<KnowledgeBase>>> {
    app.with_permit(principal.organisation, move |store| store.knowledge_bases(&principal)).await.map(Json)
}

pub async fn create_knowledge_base(
    State(app): State<App>,
    Admin(principal): Admin,
    Body(request): Body<Named>,
) -> ApiResult<Json<KnowledgeBase>> {
    request.check()?;
    app.with_permit(principal.organisation, move |store| {
        store.create_knowledge_base(&principal, &request.name, &request.description)
    })
    .await
    .map(Json)
}

pub async fn knowledge_base(
    State(app): State<App>,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> ApiResult<Json<KnowledgeBase>> {
    app.with_permit(principal.organisation, move |store| store.knowledge_base(&principal, &id)).await.map(Json)
}

pub async fn delete_knowledge_base(
    State(app): State<App>,
    Admin(principal): Admin,
    Path(id): Path<String>,
) -> ApiResult<Json<Value>> {
    app.with_permit(principal.organisation, move |store| {
        store.delete_knowledge_base(&principal, &id)?;
        Ok(Json(json!({ "id": id, "deleted": true })))
    })
    .await
}

pub async fn keys(State(app): State<App>, Admin(principal): Admin) -> ApiResult<Json<Vec<KeyRecord>>> {
    app.with_store(move |store| store.keys(&principal)).await.map(Json)
}

pub async fn create_key(
    State(app): State<App>,
    Admin(principal): Admin,
    Body(request): Body<Named>,
) -> ApiResult<Json<Value>> {
    request.check()?;
    let (record, key) = app
        .with_permit(principal.organisation, move |store| {
            store.create_key(&principal, &request.name, &request.description)
        })
        .await?;
    Ok(Json(json!({ "apiKey": record, "secretKey": key })))
}

pub async fn permissions(
    State(app): State<App>,
    Admin(principal): Admin,
    Path(hash): Path<String>,
) -> ApiResult<Json<Vec<PermissionRecord>>> {
    app.with_store(move |store| store.permissions(&principal, &hash)).await.map(Json)
}

pub async fn set_permission(
    State(app): State<App>,
    Admin(principal): Admin,
    Path((hash, id)): Path<(String, String)>,
    Body(request): Body<SetPermission>,
) -> ApiResult<Json<PermissionRecord>> {
    let permission = Permission::from_number(request.permission)
        .ok_or_else(|| ApiError::invalid("permission must be 1 (read), 3 (write) or 7 (delete)"))?;
    app.with_permit(principal.organisation, move |store| store.set_permission(&principal, &hash, &id, permission))
        .await
        .map(Json)
}

pub async fn withdraw_permission(
    State(app): State<App>,
    Admin(principal): Admin,
    Path((hash, id)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    app.with_permit(principal.organisation, move |store| {
        store.withdraw_permission(&principal, &hash, &id)?;
        Ok(Json(json!({ "knowledgeBaseId": id, "withdrawn": true })))
    })
    .await
}

pub async fn rotate_admin_key(State(app): State<App>, Admin(principal): Admin) -> ApiResult<Json<Value>> {
    let key = app.with_permit(principal.organisation, move |store| store.rotate_admin_key(&principal)).await?;
    Ok(Json(json!({ "adminKey": key })))
}

pub async fn revoke_key(
    State(app): State<App>,
    Admin(principal): Admin,
    Path(hash): Path<String>,
) -> ApiResult<Json<KeyRecord>> {
    app.with_permit(principal.organisation, move |store| store.revoke_key(&principal, &hash)).await.map(Json)
}
